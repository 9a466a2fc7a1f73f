/** The links and pictures of a page of Markdown that lead to no other host. */
export function links(markdown: string): string[] {
  const text = withoutCode(markdown).replaceAll(/`[^`\n]*`/g, '');
  const found = [
    ...text.matchAll(/\]\(<?([^\s)>]+)>?(?:\s+"[^"]*")?\)/g),
    ...text.matchAll(/^\[[^\]]+\]:\s*(\S+)/gm),
    ...text.matchAll(/\b(?:src|srcset|href)="([^"]+)"/g),
  ];
  return found.map(([, link = '']) => link).filter((link) => !/^[a-z]+:/i.test(link));
}

/** What its headings are called in links, as GitHub does it. */
export function anchors(markdown: string): string[] {
  const times = new Map<string, number>();
  return [...withoutCode(markdown).matchAll(/^#{1,6} +(.+?) *$/gm)].map(([, heading = '']) => {
    const name = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-');
    const before = times.get(name) ?? 0;
    times.set(name, before + 1);
    return before === 0 ? name : `${name}-${before}`;
  });
}

function withoutCode(markdown: string): string {
  return markdown.replaceAll(/^( *)(```+|~~~+)[^]*?^\1\2$/gm, '');
}
