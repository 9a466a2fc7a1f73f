import { loadSetting, saveSetting } from './local-storage.js';

/** The longest name of a user, as in events. */
const maxLength = 200;
const fields: HTMLInputElement[] = [];
let name = loadSetting('operator') ?? '';

/** Returns the name that the user has given, for the events of actions. */
export function operatorName(): string | undefined {
  return name === '' ? undefined : name;
}

/** Creates a field for the name of the user. All of them have the same value. */
export function operatorField(): HTMLInputElement {
  const field = document.createElement('input');
  field.className = 'operator-name';
  field.maxLength = maxLength;
  field.placeholder = 'Your name';
  field.value = name;
  field.autocomplete = 'off';
  field.spellcheck = false;
  field.setAttribute('aria-label', 'Your name, for the events of your actions');
  field.addEventListener('input', () => {
    name = field.value.trim();
    saveSetting('operator', name);
    for (const other of fields) if (other !== field) other.value = field.value;
  });
  fields.push(field);
  return field;
}
