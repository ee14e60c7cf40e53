/** The program of the migration with the statement that it is at, and the hand on it: run, pause, step, cancel, limits, answers. */
import {
  formatBytes,
  formatDuration,
  formatRate,
  parseDuration,
  parseRate,
} from '../src/base/units.js';
import type {
  HeaderNote,
  MomentNote,
  SteeringCommand,
  TimelineNote,
} from '../src/service/types.js';
import type { PartContext } from './ask.js';
import {
  enable,
  iconButton,
  submitButton,
  textButton,
  textField,
  toolbar,
  type Button,
  type TextField,
} from './controls.js';
import { el, setText } from './dom.js';

export class Program {
  readonly element = el('section', { class: 'program' });
  readonly #list = el('ol', { class: 'statements' });
  readonly #buttons: Readonly<
    Record<'run' | 'pause' | 'statement' | 'batch' | 'round' | 'cancel', Button>
  >;
  readonly #steering: HTMLElement;
  readonly #question = el('div', { class: 'question', role: 'alert', hidden: true });
  readonly #limits = el('form', { class: 'limits', hidden: true });
  readonly #bandwidth: TextField;
  readonly #downtime: TextField;
  readonly #fault = el('p', { class: 'fault', role: 'alert' });
  #alive = false;
  #moment: MomentNote | undefined;
  #asked = '';

  constructor(private readonly context: PartContext) {
    const { t } = context;
    const tell = (command: SteeringCommand) => () => this.#tell(command);
    this.#bandwidth = textField(t('Bandwidth'), t('no cap'));
    this.#downtime = textField(t('Downtime limit'));
    this.#buttons = {
      run: iconButton('debug-continue', t('Run (F5)'), tell({ command: 'run' })),
      pause: iconButton(
        'debug-pause',
        t('Pause before the next statement (F6)'),
        tell({ command: 'pause' }),
      ),
      statement: iconButton(
        'debug-step-over',
        t('Step a statement (F10)'),
        tell({ command: 'step', unit: 'statement' }),
      ),
      batch: iconButton(
        'debug-step-into',
        t('Step a batch (F11)'),
        tell({ command: 'step', unit: 'batch' }),
      ),
      round: iconButton(
        'debug-step-out',
        t('Step a round (Shift+F11)'),
        tell({ command: 'step', unit: 'round' }),
      ),
      cancel: iconButton('debug-stop', t('Cancel the migration'), tell({ command: 'cancel' })),
    };
    this.#steering = toolbar(t('Steering'), ...Object.values(this.#buttons));
    this.#steering.hidden = true;
    this.#makeLimits();
    this.element.append(this.#steering, this.#question, this.#list, this.#limits);
  }

  take(note: HeaderNote | MomentNote | TimelineNote): void {
    if (note.type === 'header') this.#begin(note);
    else if (note.type === 'timeline') this.#alive = note.alive;
    else this.#moment = note;
    this.#show();
  }

  #begin({ run, kind }: HeaderNote): void {
    this.element.hidden = run === undefined;
    this.#list.replaceChildren(
      ...(run?.program ?? []).map((text) => {
        const depth = /^ */.exec(text)?.[0].length ?? 0;
        const line = el('li', {}, el('code', {}, text.trim().replace(/ {3,}/g, '   ')));
        line.classList.add(`depth-${Math.min(2, depth / 4)}`);
        return line;
      }),
    );
    this.#steering.hidden = kind !== 'run';
  }

  #show(): void {
    const moment = this.#moment;
    const steerable = this.#alive && !this.#steering.hidden;
    const held = moment?.heldSince !== undefined;
    const { run, pause, statement, batch, round, cancel } = this.#buttons;
    for (const button of [statement, batch, round, cancel]) enable(button, steerable);
    enable(run, steerable && held);
    enable(pause, steerable && !held);
    this.#limits.hidden = !steerable;
    [...this.#list.children].forEach((line, index) => {
      const current = index + 1 === moment?.line && !moment.summary;
      line.classList.toggle('current', current);
      line.classList.toggle('held', current && held);
      if (current) line.setAttribute('aria-current', 'step');
      else line.removeAttribute('aria-current');
    });
    this.#showQuestion(steerable ? moment : undefined);
    this.#showLimits(moment);
  }

  #showQuestion(moment: MomentNote | undefined): void {
    const { t } = this.context;
    const verdict = moment?.verdict;
    const key = verdict?.asks === true ? `${moment?.round} ${verdict.pendingBytes}` : '';
    if (key === this.#asked) return;
    this.#asked = key;
    if (this.#question.contains(document.activeElement)) this.#buttons.pause.focus();
    this.#question.hidden = key === '';
    if (!verdict || key === '') return;
    const choice = (text: string, decision: 'more-rounds' | 'pause-anyway' | 'cancel'): Button =>
      textButton(
        text,
        () => this.#tell({ command: 'decide', decision }),
        decision !== 'more-rounds',
      );
    this.#question.replaceChildren(
      el('strong', {}, t('It does not converge.')),
      el('p', {}, verdict.message),
      el(
        'p',
        {},
        t(
          '{0} are left; paused now, the guest would be down for about {1}.',
          formatBytes(verdict.pendingBytes),
          formatDuration(verdict.downtimeMs),
        ),
      ),
      choice(t('More rounds'), 'more-rounds'),
      choice(t('Pause anyway'), 'pause-anyway'),
      choice(t('Cancel'), 'cancel'),
    );
  }

  #makeLimits(): void {
    const { t } = this.context;
    this.#limits.append(
      el('label', {}, t('Bandwidth'), this.#bandwidth),
      el('label', {}, t('Downtime limit'), this.#downtime),
      submitButton(t('Change')),
      this.#fault,
    );
    this.#limits.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#changeLimits();
    });
  }

  #showLimits(moment: MomentNote | undefined): void {
    const { limits } = moment ?? {};
    if (!limits || this.#limits.contains(document.activeElement)) return;
    this.#bandwidth.value = limits.maxBandwidth === null ? '' : formatRate(limits.maxBandwidth);
    this.#downtime.value = formatDuration(limits.downtimeLimitMs);
  }

  #changeLimits(): void {
    const { t } = this.context;
    try {
      const rate = this.#bandwidth.value.trim();
      const limits = {
        maxBandwidth: rate === '' ? null : parseRate(rate, t('Bandwidth')),
        downtimeLimitMs: parseDuration(this.#downtime.value, t('Downtime limit')),
      };
      setText(this.#fault, '');
      this.#tell({ command: 'limits', limits });
    } catch (error) {
      setText(this.#fault, error instanceof Error ? error.message : String(error));
    }
  }

  #tell(command: SteeringCommand): void {
    this.context.post({ type: 'tell', pane: this.context.pane, command });
  }
}
