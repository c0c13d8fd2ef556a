/** The key of who asks, for servers that want one; it is remembered for this tab alone. */
import { signal } from "@preact/signals";
import { hasApiKey, setApiKey } from "./api";
import { Icon } from "./icon";
import { TEXTS } from "./texts";

const isOpen = signal(false);

export function KeyField() {
  if (!isOpen.value)
    return (
      <button
        type="button"
        class="quiet push"
        aria-label={TEXTS.key}
        title={TEXTS.key}
        onClick={() => {
          isOpen.value = true;
        }}
      >
        <Icon name="key" />
      </button>
    );
  return (
    <form
      class="push key"
      onSubmit={(event) => {
        event.preventDefault();
        const field = event.currentTarget.elements.namedItem("key") as HTMLInputElement;
        setApiKey(field.value.trim());
        isOpen.value = false;
      }}
    >
      <input
        name="key"
        type="password"
        aria-label={TEXTS.key}
        placeholder={hasApiKey() ? TEXTS.keyKnown : TEXTS.key}
        autocomplete="off"
      />
    </form>
  );
}
