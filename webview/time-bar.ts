/** Time: a slider over what was recorded, with marks; live at its right end; play, and steps back and forth. */
import { formatDuration } from '../src/base/units.js';
import type { Mark, MomentNote, SeekTarget, TimelineNote } from '../src/service/types.js';
import type { PartContext } from './ask.js';
import { iconButton, retitle, textButton, toolbar, type Button } from './controls.js';
import { el, setText } from './dom.js';
import './time-bar.css';

const PLAY_STEP_MS = 120;
const SPEEDS = [1, 4, 16, 64] as const;

export class TimeBar {
  readonly element = el('section', { class: 'time' });
  readonly #slider = el('input', {
    type: 'range',
    min: 0,
    max: 1000,
    value: 1000,
    class: 'slider',
  });
  readonly #marks = el('div', { class: 'marks', 'aria-hidden': 'true' });
  readonly #clock = el('output', { class: 'clock' });
  readonly #live: Button;
  readonly #play: Button;
  readonly #speed = el('select', { class: 'select' });
  #known: Mark[] = [];
  #end = 0;
  #now = 0;
  #isLive = true;
  #alive = false;
  #seeking = false;
  #next: SeekTarget | undefined;
  #playing = 0;

  /** @param onSeek is told where the person went, for a pane that goes along. */
  constructor(
    private readonly context: PartContext,
    private readonly onSeek: (target: SeekTarget) => void,
  ) {
    const { t } = context;
    this.element.setAttribute('aria-label', t('Time'));
    this.#slider.setAttribute('aria-label', t('Moment of the recording'));
    this.#slider.addEventListener('input', () => {
      this.#stop();
      this.#fill();
      this.go({ to: 'time', t: (Number(this.#slider.value) / 1000) * this.#end });
    });
    const step = (to: 'next' | 'previous', unit: 'event' | 'batch' | 'round') => () => {
      this.#stop();
      this.go({ to, unit });
    };
    this.#play = iconButton('play', t('Play'), () => this.toggle());
    this.#live = textButton(t('LIVE'), () => this.live(), true);
    this.#live.classList.add('live-button');
    this.#live.title = t('Go to the newest moment');
    for (const speed of SPEEDS) this.#speed.append(el('option', { value: speed }, `${speed}×`));
    this.#speed.value = '4';
    this.#speed.setAttribute('aria-label', t('Speed'));
    const buttons = toolbar(
      t('Steps in time'),
      iconButton('triangle-left', t('Previous round'), step('previous', 'round')),
      iconButton('chevron-left', t('Previous event'), step('previous', 'event')),
      this.#play,
      this.#speed,
      iconButton('chevron-right', t('Next event'), step('next', 'event')),
      iconButton('triangle-right', t('Next round'), step('next', 'round')),
      this.#clock,
      this.#live,
    );
    this.element.append(buttons, el('div', { class: 'track' }, this.#slider, this.#marks));
  }

  take(note: MomentNote | TimelineNote): void {
    if (note.type === 'moment') {
      this.#now = note.t;
      this.#isLive = note.live;
    } else {
      this.#known = [...this.#known.slice(0, note.marks.from), ...note.marks.added];
      this.#end = note.t;
      this.#alive = note.alive;
      this.#drawMarks();
    }
    this.#show();
  }

  /** Goes there; of several that come while one is under way, the newest is gone to. */
  go(target: SeekTarget, quietly = false): void {
    if (!quietly) this.onSeek(target);
    this.#next = target;
    if (!this.#seeking) void this.#seek();
  }

  toggle(): void {
    if (this.#playing) this.#stop();
    else this.#start();
  }

  step(to: 'next' | 'previous'): void {
    this.#stop();
    this.go({ to, unit: 'event' });
  }

  live(): void {
    this.#stop();
    this.go({ to: 'live' });
  }

  async #seek(): Promise<void> {
    this.#seeking = true;
    while (this.#next) {
      const target = this.#next;
      this.#next = undefined;
      try {
        await this.context.ask('view.seek', target);
      } catch (error) {
        this.context.announce(error instanceof Error ? error.message : String(error));
      }
    }
    this.#seeking = false;
  }

  #start(): void {
    if (this.#now >= this.#end) this.go({ to: 'time', t: 0 });
    let at = this.#now >= this.#end ? 0 : this.#now;
    this.#playing = window.setInterval(() => {
      at += PLAY_STEP_MS * Number(this.#speed.value);
      if (at >= this.#end) this.live();
      else this.go({ to: 'time', t: at });
    }, PLAY_STEP_MS);
    this.#showPlay();
  }

  #stop(): void {
    clearInterval(this.#playing);
    this.#playing = 0;
    this.#showPlay();
  }

  #showPlay(): void {
    const { t } = this.context;
    if (this.#playing) retitle(this.#play, 'debug-pause', t('Stop playing'));
    else retitle(this.#play, 'play', t('Play'));
  }

  #show(): void {
    const share = this.#end > 0 ? Math.min(1, this.#now / this.#end) : 1;
    if (document.activeElement !== this.#slider || !this.#seeking)
      this.#slider.value = String(Math.round(share * 1000));
    this.#fill();
    const words = this.context.t(
      '{0} of {1}',
      formatDuration(this.#now),
      formatDuration(this.#end),
    );
    this.#slider.setAttribute('aria-valuetext', words);
    setText(this.#clock, words);
    this.#live.hidden = !this.#alive && this.#isLive;
    setText(this.#live, this.#alive ? this.context.t('LIVE') : this.context.t('END'));
    this.#live.setAttribute('aria-pressed', String(this.#isLive));
  }

  #fill(): void {
    this.#slider.style.setProperty('--past', `${Number(this.#slider.value) / 10}%`);
  }

  #drawMarks(): void {
    const titles: Readonly<Record<Mark['kind'], string>> = {
      round: this.context.t('round'),
      held: this.context.t('held'),
      drain: this.context.t('drain'),
      paused: this.context.t('guest paused'),
      resumed: this.context.t('guest resumed'),
      verdict: this.context.t('verdict'),
      switchover: this.context.t('switchover'),
      'taken-over': this.context.t('taken over'),
      warning: this.context.t('warning'),
      error: this.context.t('error'),
      summary: this.context.t('end'),
    };
    this.#marks.replaceChildren(
      ...this.#known.slice(-400).map((mark) => {
        const number = mark.round === undefined ? '' : ` ${mark.round}`;
        const line = el('span', {
          class: `mark mark-${mark.kind}`,
          title: `${titles[mark.kind]}${number}, ${formatDuration(mark.t)}`,
        });
        line.style.left = `${this.#end > 0 ? (mark.t / this.#end) * 100 : 0}%`;
        return line;
      }),
    );
  }
}
