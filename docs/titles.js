import { Converter } from 'typedoc';

/** Calls each guide by its first heading, rather than by its file. */
export function load({ converter }) {
  converter.on(Converter.EVENT_CREATE_DOCUMENT, (_, guide) => {
    const heading = guide.content.find(({ text }) => text.startsWith('# '));
    guide.name = /^# (.*)$/m.exec(heading?.text ?? '')?.[1] ?? guide.name;
  });
}
