/** Drawings of 20 x 20, in the colour of the text around them. */
const PATHS: Record<string, string> = {
  plus: "M10 4v12M4 10h12",
  minus: "M4 10h12",
  fit: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4",
  box: "M4 5h12v10H4z",
  polygon: "M4 14 7 4l9 3-2 9z",
  sun: "M10 6.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7M10 1.5v2M10 16.5v2M1.5 10h2M16.5 10h2M4 4l1.4 1.4M14.6 14.6 16 16M16 4l-1.4 1.4M5.4 14.6 4 16",
  moon: "M16 12.2A6.8 6.8 0 0 1 7.8 4a6.8 6.8 0 1 0 8.2 8.2",
  back: "M12 4 6 10l6 6",
  close: "M5 5l10 10M15 5 5 15",
  copy: "M7 7h9v9H7zM4 13V4h9",
  link: "M8.5 11.5a3 3 0 0 0 4.3 0l3-3a3 3 0 0 0-4.3-4.3l-1 1M11.5 8.5a3 3 0 0 0-4.3 0l-3 3a3 3 0 0 0 4.3 4.3l1-1",
  download: "M10 3v10M5.5 9 10 13.5 14.5 9M4 17h12",
  code: "M7 5 2.5 10 7 15M13 5l4.5 5-4.5 5",
  again: "M16 10a6 6 0 1 1-2-4.5M16 2.5v4h-4",
  search: "M9 3.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11M13 13l4 4",
  key: "M7 6.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7M10.5 10H18v3M15 10v2",
};

export function Icon({ name }: { name: string }) {
  if (name === "mark")
    return (
      <svg class="mark" viewBox="0 0 24 24" aria-hidden="true">
        <rect width="24" height="24" rx="6" class="mark-ground" />
        <path d="M5 5h6v6H5z" class="mark-part" />
        <path d="M13 5h6v6h-6zM5 13h6v6H5z" class="mark-faint" />
        <path d="M13 13h6v6h-6z" class="mark-piece" />
      </svg>
    );
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
