/** A worker: where it is, what it has, what it does, and the button that drains it. */
import type { JSX } from "preact";
import type { FarmNode } from "../../api/farm.js";
import { takeFarm } from "../data/farm.js";
import { api } from "../lib/api.js";
import { baseName, bytes, clock, moment } from "../lib/format.js";
import { Button } from "../parts/button.js";
import { ActionTrouble, useAction } from "../parts/trouble.js";
import { t } from "../texts/texts.js";

interface NodeCardProps {
  readonly node: FarmNode;
  readonly connected: boolean;
}

export function NodeCard({ node, connected }: NodeCardProps): JSX.Element {
  const { farm: texts } = t.value;
  const action = useAction();
  const { id, host, state, model, version, isOurs, devices, memory, working } = node;
  const drained = state === "draining" || state === "drained";
  const change = (): void => void action.run(() => takeFarm(drained ? api.resumeNode(id) : api.drainNode(id)));
  return (
    <li class="node-card" aria-label={id}>
      <header>
        <h3>
          {host} <span class="node-id">{id.startsWith(`${host}-`) ? id.slice(host.length + 1) : id}</span>
        </h3>
        <span class={`state state-${MARKS[state]}`}>{texts.states[state]}</span>
      </header>
      <p class="job-facts">
        <span>{texts.perMinute(node.pagesPerMinute)}</span>
        <span>{texts.done(node.pagesDone)}</span>
        {node.pagesFailed > 0 && <span class="bad">{t.value.jobs.pagesFailed(node.pagesFailed)}</span>}
      </p>
      <ul class="node-working" aria-label={texts.working}>
        {working.map(({ page, chapter, stage, step, steps }) => (
          <li key={`${chapter} ${page}`}>
            <span class="node-page" title={`${chapter}, ${page}`}>
              {baseName(chapter)}, {page}
            </span>
            <span class="hint-text">
              {stageName(stage)}
              {step !== undefined && steps !== undefined && ` ${step}/${steps}`}
            </span>
          </li>
        ))}
        {working.length === 0 && <li class="hint-text">{texts.nothing}</li>}
      </ul>
      <dl class="node-facts">
        {devices.map((device) => (
          <div key={device.name}>
            <dt>{device.name}</dt>
            <dd class={device.state === "lost" ? "bad" : undefined}>
              {device.state === "lost" ? texts.lost : `${bytes(device.usedBytes)} / ${bytes(device.totalBytes)}`}
            </dd>
          </div>
        ))}
        <div>
          <dt>{texts.memory}</dt>
          <dd>{`${bytes(memory.usedBytes)} / ${bytes(memory.totalBytes)}`}</dd>
        </div>
        <div>
          <dt>{texts.model}</dt>
          <dd>{model}</dd>
        </div>
        <div>
          <dt>cobra-batch</dt>
          <dd>{version}</dd>
        </div>
        <div>
          <dt>{texts.since}</dt>
          <dd>{moment(node.startedAt)}</dd>
        </div>
        <div>
          <dt>{texts.heard}</dt>
          <dd>{clock(node.heardAt)}</dd>
        </div>
      </dl>
      {!isOurs && <p class="node-other">{texts.other}</p>}
      <ActionTrouble action={action} />
      <footer>
        <Button
          label={drained ? texts.use : texts.drain}
          icon={drained ? "play" : "stop"}
          busy={action.busy.value}
          disabled={!connected}
          onClick={change}
        />
      </footer>
    </li>
  );
}

const MARKS = { working: "running", idle: "completed", draining: "preview", drained: "paused" } as const;

function stageName(stage: string): string {
  const names: Readonly<Record<string, string>> = t.value.results.stages;
  return names[stage] ?? stage;
}
