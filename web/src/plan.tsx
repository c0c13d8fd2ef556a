/** What will come, before anything is rendered. */
import { signal } from "@preact/signals";
import type { Plan, RasterPlan } from "./api";
import { copyOpen } from "./copy";
import { Icon } from "./icon";
import { accepted, planned } from "./state";
import { TEXTS } from "./texts";
import { begin } from "./transfer";
import { bytes, count, typeName } from "./units";

const problem = signal("");

/** Fields that are entered somewhere on the page, where what is wrong with them is told. */
const ENTERED = [
  "region",
  "scale",
  "dimensions",
  "crs",
  "crs_transform",
  "format",
  "resampling",
  "nodata",
  "mask",
  "compression",
  "bands",
  "visualization",
];

async function download(): Promise<void> {
  problem.value = "";
  const wanted = accepted.peek();
  if (!wanted) return;
  try {
    await begin(wanted);
  } catch (error) {
    problem.value = (error as Error).message;
  }
}

export function PlanCard() {
  const { plan, isBusy, violations, problem: refused } = planned.value;
  const elsewhere = violations.filter(
    ({ field }) =>
      !ENTERED.some((name) => field === name || field.startsWith(`${name}[`) || field.startsWith(`${name}.`)),
  );
  return (
    <section class="plan" aria-labelledby="plan-title" aria-busy={isBusy}>
      <h2 id="plan-title">{TEXTS.plan}</h2>
      <div aria-live="polite">
        {refused && violations.length === 0 && <p class="problem">{refused}</p>}
        {violations.length > 0 && <p class="problem">{TEXTS.violations(violations.length)}</p>}
        {elsewhere.map(({ field, description }) => (
          <p class="violation" key={field + description}>
            {field && <b>{field}: </b>}
            {description}
          </p>
        ))}
        {plan ? <Summary plan={plan} /> : !refused && <p class="faint">{TEXTS.planning}</p>}
        {problem.value && <p class="problem">{problem.value}</p>}
      </div>
      <div class="actions">
        <button type="button" class="primary" id="download" disabled={!accepted.value} onClick={() => void download()}>
          <Icon name="download" /> {TEXTS.download}
          {plan && <span class="amount">≈ {bytes(Number(plan.estimatedBytes))}</span>}
        </button>
        <button
          type="button"
          id="copy"
          aria-label={TEXTS.copy}
          title={TEXTS.copy}
          disabled={!accepted.value}
          onClick={() => {
            copyOpen.value = true;
          }}
        >
          <Icon name="code" />
        </button>
      </div>
    </section>
  );
}

function Summary({ plan }: { plan: Plan }) {
  return (
    <>
      <p class="filename" id="filename">
        {plan.filename}
      </p>
      <ul class="rasters" id="rasters">
        {summaries(plan.rasters).map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      <details>
        <summary>
          {bytes(Number(plan.uncompressedBytes))} {TEXTS.uncompressed}
          {Number(plan.sourceBytes ?? 0) > 0 && ` · ${bytes(Number(plan.sourceBytes))} ${TEXTS.sourceBytes}`}
        </summary>
        <PlanDetails plan={plan} />
      </details>
    </>
  );
}

/** Return a line for each kind of raster. */
function summaries(rasters: RasterPlan[]): string[] {
  const lines = new Map<string, string[]>();
  for (const { grid, bands } of rasters) {
    const types = [...new Set(bands.map(({ dataType }) => typeName(dataType)))].join(", ");
    const line = `${count(grid.width)} × ${count(grid.height)} · ${types}`;
    lines.set(line, [...(lines.get(line) ?? []), ...bands.map(({ id }) => id)]);
  }
  return [...lines].map(
    ([line, bands]) => `${line} · ${bands.length > 4 ? TEXTS.bandCount(bands.length) : bands.join(" ")}`,
  );
}

function PlanDetails({ plan }: { plan: Plan }) {
  const [raster] = plan.rasters;
  const nodata = [...new Set(plan.rasters.flatMap(({ bands }) => bands.map((band) => band.nodataText ?? "")))].filter(
    Boolean,
  );
  return (
    <dl class="details">
      {raster && (
        <>
          <dt>{TEXTS.crs}</dt>
          <dd>{raster.grid.crs.includes("[") ? TEXTS.customCrs : raster.grid.crs}</dd>
          <dt>{TEXTS.transform}</dt>
          <dd>{raster.grid.crsTransform.join(", ")}</dd>
        </>
      )}
      {nodata.length > 0 && (
        <>
          <dt>{TEXTS.nodata}</dt>
          <dd>{nodata.join(", ")}</dd>
        </>
      )}
      {raster?.maskReason && (
        <>
          <dt>{TEXTS.mask}</dt>
          <dd>{raster.maskReason}</dd>
        </>
      )}
      {(plan.ignored ?? []).map(({ field, reason }) => (
        <Row key={field} name={`${TEXTS.ignored} ${field}`} text={reason} />
      ))}
      {(plan.leftOut ?? []).map(({ item, reason }) => (
        <Row key={item} name={`${TEXTS.leftOut} ${item}`} text={reason} />
      ))}
      {(plan.notes ?? []).map(({ field, text }) => (
        <Row key={field + text} name={field} text={text} />
      ))}
    </dl>
  );
}

function Row({ name, text }: { name: string; text: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{text}</dd>
    </>
  );
}
