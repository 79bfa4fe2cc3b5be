export function apiPage(): { text: string; undocumented: string[] };
