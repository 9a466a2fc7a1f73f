import { readFileSync } from 'node:fs';
import { Application, Comment, CommentTag, Converter, PageEvent } from 'typedoc';

const listPage = 'docs/README.md';
const parts = partsOf(readFileSync(listPage, 'utf8'));

/** Adds the guides to the site, in the order and the parts of the page that lists them. */
export function load(app) {
  // The options are read after the plugins are loaded.
  app.on(Application.EVENT_BOOTSTRAP_END, ({ options }) => {
    options.setValue('projectDocuments', [listPage, ...[...parts.keys()].map((name) => `docs/${name}.md`)]);
    options.setValue('categoryOrder', [...new Set(parts.values()), '*']);
  });
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_, guide) => {
    // Its name is that of its file. The page that lists the guides is in the first part.
    const part = parts.get(guide.name) ?? [...parts.values()][0];
    guide.comment = new Comment([], [new CommentTag('@category', [{ kind: 'text', text: part }])]);
    guide.name = headingOf(guide) ?? guide.name;
  });
  // A browser that opens a folder on a disk shows a list of files, and not the front page.
  app.renderer.on(PageEvent.END, (page) => {
    page.contents = page.contents?.replaceAll(/ href="\.\.\/(#[^"]*)?"/g, ' href="../index.html$1"');
  });
}

/** Returns the part of each guide: the heading above the first link to it that has one. */
function partsOf(list) {
  const parts = new Map();
  let part;
  for (const [, heading, name] of list.matchAll(/^## (.*)$|\]\(([\w-]+)\.md/gm)) {
    if (heading !== undefined) part = heading;
    else if (part !== undefined && !parts.has(name)) parts.set(name, part);
  }
  return parts;
}

/** Returns the first heading of a guide. */
function headingOf({ content }) {
  return /^# (.*)$/m.exec(content.find(({ text }) => text.startsWith('# '))?.text ?? '')?.[1];
}
