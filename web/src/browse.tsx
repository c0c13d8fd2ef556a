/** The list of images: only the page that is shown is asked for. */
import { computed, effect, type Signal, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { get, type ImageInfo, type ImagePage, keyChanges } from "./api";
import { CheckField } from "./choice";
import { pointed } from "./footprints";
import { Icon } from "./icon";
import { viewBounds } from "./map";
import { isInView, listed, previews, want } from "./previews";
import { imageId, openImage } from "./state";
import { TEXTS } from "./texts";

const PAGE = 40;
const PAUSE = 150; // milliseconds after a change, while somebody types

const text = signal("");
const folder = signal("");
const from = signal("");
const until = signal("");
const token = signal("");
const page = signal<ImagePage | null>(null);
const problem = signal("");
const isBusy = signal(false);

const DAY = 86_400_000; // milliseconds

/** What is asked for beside the page of it. */
const wanted = computed(() => {
  const query = new URLSearchParams();
  if (text.value.trim()) query.set("contains", text.value.trim());
  if (folder.value) query.set("prefix", folder.value);
  if (from.value) query.set("startTime", `${from.value}T00:00:00Z`);
  // the last day is one of those that are meant
  if (until.value) query.set("endTime", new Date(Date.parse(until.value) + DAY).toISOString());
  if (isInView.value && viewBounds.value)
    query.set("bounds", viewBounds.value.map((side) => side.toFixed(5)).join(","));
  return query.toString();
});

effect(() => {
  wanted.value;
  token.value = ""; // another list begins with its first page
});

effect(() => {
  if (imageId.value) return; // the list is not shown
  keyChanges.value;
  const query = new URLSearchParams(wanted.value);
  query.set("pageSize", String(PAGE));
  if (token.value) query.set("pageToken", token.value);
  const abort = new AbortController();
  isBusy.value = true;
  const timer = setTimeout(
    () =>
      get<ImagePage>(`v1/images?${query}`, abort.signal).then(
        (answer) => {
          page.value = answer;
          listed.value = (answer.images ?? []).map(({ id }) => id);
          problem.value = "";
          isBusy.value = false;
        },
        (error) => {
          if (abort.signal.aborted) return;
          problem.value = String(error.message);
          isBusy.value = false;
        },
      ),
    wanted.value ? PAUSE : 0,
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
          value={text.value}
          spellcheck={false}
          onInput={(event) => {
            text.value = event.currentTarget.value;
          }}
        />
        {folder.value && (
          <button type="button" class="folder" onClick={() => choose("")} aria-label={TEXTS.leaveFolder(folder.value)}>
            <span>{folder.value}</span> <Icon name="close" />
          </button>
        )}
        <details>
          <summary>{TEXTS.timeAndPlace}</summary>
          <div class="row">
            <DateField id="from" label={TEXTS.from} value={from} />
            <DateField id="until" label={TEXTS.untilDay} value={until} />
          </div>
          <CheckField
            id="in-view"
            label={TEXTS.inView}
            isOn={isInView.value}
            onChange={(isOn) => {
              isInView.value = isOn;
            }}
          />
        </details>
      </div>
      <div class="scroll" aria-busy={isBusy.value}>
        {problem.value && <p class="problem">{problem.value}</p>}
        {shown && !images.length && !problem.value && (
          <p class="faint empty">{wanted.value ? TEXTS.noImages : TEXTS.noImagesAtAll}</p>
        )}
        {grouped(images).map(([parent, members]) => (
          <section class="group" key={parent}>
            {parent && (
              <h2>
                <button type="button" class="quiet" onClick={() => choose(`${parent}/`)}>
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

function choose(prefix: string): void {
  folder.value = prefix;
}

function DateField({ id, label, value }: { id: string; label: string; value: Signal<string> }) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="date"
        value={value.value}
        onInput={(event) => {
          value.value = event.currentTarget.value;
        }}
      />
    </div>
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
