import { elementById } from './element.js';
import { loadSetting, saveSetting } from './local-storage.js';

const labels = { auto: 'Theme: system', light: 'Theme: light', dark: 'Theme: dark' };
type ThemeName = keyof typeof labels;
const themeNames = Object.keys(labels) as ThemeName[];

/** The choice between the light theme, the dark one and the system's. */
export class ThemeSwitch {
  private readonly button = elementById('theme');
  private readonly onChange: () => void;

  constructor(onChange: () => void) {
    this.onChange = onChange;
    this.button.addEventListener('click', () => this.next());
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', onChange);
    const setting = themeNames.find((name) => name === loadSetting('theme'));
    this.apply(setting ?? 'auto');
  }

  next(): void {
    const name = themeNames[(themeNames.indexOf(this.current) + 1) % themeNames.length] ?? 'auto';
    this.apply(name);
    saveSetting('theme', name);
  }

  private get current(): ThemeName {
    return (document.documentElement.dataset['theme'] as ThemeName | undefined) ?? 'auto';
  }

  private apply(name: ThemeName): void {
    if (name === 'auto') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = name;
    this.button.textContent = labels[name];
    this.onChange();
  }
}
