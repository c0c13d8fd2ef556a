/** The list of images: only the page that is shown is asked for. */
import { effect, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { get, type ImageInfo, type ImagePage } from "./api";
import { pointed } from "./footprints";
import { Icon } from "./icon";
import { previews, want } from "./previews";
import { imageId, openImage } from "./state";
import { TEXTS } from "./texts";

const PAGE = 40;

const prefix = signal("");
const token = signal("");
const page = signal<ImagePage | null>(null);
const problem = signal("");
const isBusy = signal(false);
export const reloads = signal(0); // counts what makes the list be asked for again, such as another key

effect(() => {
  if (imageId.value) return; // the list is not shown
  reloads.value;
  const query = new URLSearchParams({ pageSize: String(PAGE) });
  if (prefix.value) query.set("prefix", prefix.value);
  if (token.value) query.set("pageToken", token.value);
  const abort = new AbortController();
  isBusy.value = true;
  const timer = setTimeout(
    () =>
      get<ImagePage>(`v1/images?${query}`, abort.signal).then(
        (answer) => {
          page.value = answer;
          problem.value = "";
          isBusy.value = false;
        },
        (error) => {
          if (abort.signal.aborted) return;
          problem.value = String(error.message);
          isBusy.value = false;
        },
      ),
    prefix.value ? 150 : 0,
  );
  return () => {
    clearTimeout(timer);
    abort.abort();
  };
});

/** Return images by what their ids have before the last slash, in their order. */
function grouped(images: ImageInfo[]): [string, ImageInfo[]][] {
  const groups = new Map<string, ImageInfo[]>();
  for (const image of images) {
    const parent = image.id.slice(0, Math.max(0, image.id.lastIndexOf("/")));
    groups.set(parent, [...(groups.get(parent) ?? []), image]);
  }
  return [...groups];
}

export function Browse() {
  const shown = page.value;
  const images = shown?.images ?? [];
  return (
    <>
      <h1 class="unseen">{TEXTS.images}</h1>
      <div class="search">
        <Icon name="search" />
        <input
          type="search"
          aria-label={TEXTS.searchLabel}
          placeholder={TEXTS.search}
          value={prefix.value}
          spellcheck={false}
          onInput={(event) => {
            token.value = "";
            prefix.value = event.currentTarget.value;
          }}
        />
      </div>
      <div class="scroll" aria-busy={isBusy.value}>
        {problem.value && <p class="problem">{problem.value}</p>}
        {shown && !images.length && !problem.value && (
          <p class="faint empty">{prefix.value ? TEXTS.noImages : TEXTS.noImagesAtAll}</p>
        )}
        {grouped(images).map(([parent, members]) => (
          <section class="group" key={parent}>
            {parent && (
              <h2>
                <button
                  type="button"
                  class="quiet"
                  onClick={() => {
                    token.value = "";
                    prefix.value = `${parent}/`;
                  }}
                >
                  {parent}
                </button>
              </h2>
            )}
            <ul class="images">
              {members.map((image) => (
                <ImageRow key={image.id} image={image} parent={parent} />
              ))}
            </ul>
          </section>
        ))}
        {shown?.unreachable?.length ? <p class="note">{TEXTS.unreachable(shown.unreachable.join(", "))}</p> : null}
      </div>
      {(token.value || shown?.nextPageToken) && (
        <nav class="pages" aria-label={TEXTS.pages}>
          <button
            type="button"
            disabled={!token.value}
            onClick={() => {
              token.value = "";
            }}
          >
            {TEXTS.first}
          </button>
          <button
            type="button"
            disabled={!shown?.nextPageToken}
            onClick={() => {
              token.value = shown?.nextPageToken ?? "";
            }}
          >
            {TEXTS.more}
          </button>
        </nav>
      )}
    </>
  );
}

function ImageRow({ image, parent }: { image: ImageInfo; parent: string }) {
  const row = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (image.withoutRasters) return;
    const observer = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      want(image.id);
      observer.disconnect();
    });
    observer.observe(row.current as HTMLLIElement);
    return () => observer.disconnect();
  }, [image.id, image.withoutRasters]);
  const facts = [image.startTime?.slice(0, 10), image.withoutRasters ? TEXTS.unreadable : ""].filter(Boolean);
  const picture = previews.value.get(image.id)?.picture;
  const point = (id: string) => () => {
    pointed.value = id;
  };
  return (
    <li ref={row}>
      <button
        type="button"
        onClick={() => openImage(image.id)}
        onMouseEnter={point(image.id)}
        onMouseLeave={point("")}
        onFocus={point(image.id)}
        onBlur={point("")}
        disabled={image.withoutRasters}
        class={pointed.value === image.id ? "is-pointed" : ""}
      >
        <span class="thumb">{picture && <img src={picture} alt="" loading="lazy" />}</span>
        <span class="about">
          <span class="name">{parent ? image.id.slice(parent.length + 1) : image.id}</span>
          {facts.length > 0 && <span class="faint">{facts.join(" · ")}</span>}
        </span>
      </button>
    </li>
  );
}
