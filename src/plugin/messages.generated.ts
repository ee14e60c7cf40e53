/** Generated from protocol/plugin.schema.json by `npm run generate`; do not edit. */

/**
 * A line between the host and a plugin. The result of an answer depends on what was asked: see the …Reply definitions. protocol/SPEC.md is the prose.
 */
export type PluginMessage =
  | InitializeRequest
  | ShutdownRequest
  | CancelNote
  | ProgressNote
  | LogNote
  | PolicyBeginRequest
  | PolicyPlanRequest
  | PolicyConvergedRequest
  | PolicyExplainRequest
  | ProbeOpenRequest
  | ProbeSnapshotRequest
  | ProbeDrainRequest
  | ProbeTrimRequest
  | ProbeSteerRequest
  | ProbeCloseRequest
  | HypervisorOpenRequest
  | HypervisorGuestsRequest
  | HypervisorDisksRequest
  | HypervisorRunStateRequest
  | HypervisorPauseRequest
  | HypervisorResumeRequest
  | HypervisorOpenSourceRequest
  | HypervisorStartTrackingRequest
  | HypervisorFlipRequest
  | HypervisorOpenPivotRequest
  | HypervisorSwitchOverRequest
  | HypervisorReleaseRequest
  | HypervisorProbeAddressRequest
  | HypervisorGuestAgentAddressRequest
  | HypervisorAddProbePortRequest
  | HypervisorLeftoversRequest
  | HypervisorRemoveLeftoversRequest
  | HypervisorCloseRequest
  | HypervisorEventNote
  | HostRecordRequest
  | HostCommitRequest
  | ObserverEventNote
  | ObserverMissedNote
  | HostPauseRequest
  | WorkloadBeginRequest
  | WorkloadNextRequest
  | Refusal
  | InitializeReply
  | ShutdownReply
  | PolicyBeginReply
  | PolicyPlanReply
  | PolicyConvergedReply
  | PolicyExplainReply
  | ProbeOpenReply
  | ProbeSnapshotReply
  | ProbeDrainReply
  | ProbeTrimReply
  | ProbeSteerReply
  | ProbeCloseReply
  | HypervisorOpenReply
  | HypervisorGuestsReply
  | HypervisorDisksReply
  | HypervisorRunStateReply
  | HypervisorPauseReply
  | HypervisorResumeReply
  | HypervisorOpenSourceReply
  | HypervisorStartTrackingReply
  | HypervisorFlipReply
  | HypervisorOpenPivotReply
  | HypervisorSwitchOverReply
  | HypervisorReleaseReply
  | HypervisorProbeAddressReply
  | HypervisorGuestAgentAddressReply
  | HypervisorAddProbePortReply
  | HypervisorLeftoversReply
  | HypervisorRemoveLeftoversReply
  | HypervisorCloseReply
  | HostRecordReply
  | HostCommitReply
  | HostPauseReply
  | WorkloadBeginReply
  | WorkloadNextReply;
/**
 * Chosen by who asks; the answer repeats it. The host chooses whole numbers.
 */
export type RequestId = number | string;
/**
 * What a plugin can be.
 */
export type Role = 'policy' | 'probe' | 'hypervisor' | 'observer' | 'workload';
/**
 * A set of blocks, in either form.
 */
export type Blocks = Runs | CompactRuns;
/**
 * A set of blocks as counts that alternate between blocks to skip and blocks to take, from block 0. The first may be 0, no other; the list ends with a count to take; the empty set is [].
 */
export type Runs = number[];
/**
 * The same counts, each as unsigned LEB128, one after another, in base64 (RFC 4648 section 4, with padding). The empty set is the empty string.
 */
export type CompactRuns = string;
/**
 * Where something listens.
 */
export type SocketAddress = UnixAddress | TcpAddress;

/**
 * The first message. The host says who it is, and for which roles it wants the plugin.
 */
export interface InitializeRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'initialize';
  params: InitializeParams;
}
/**
 * Parameters of `initialize`.
 */
export interface InitializeParams {
  /**
   * Version that the host speaks, `major.minor`.
   */
  protocol: string;
  host: Program;
  /**
   * Roles that the host will use.
   */
  roles: Role[];
}
/**
 * A program by name and version.
 */
export interface Program {
  /**
   * For people and for choosing it.
   */
  name: string;
  /**
   * Of the program.
   */
  version: string;
}
/**
 * Nothing more will be asked; finish, answer, and end when the input ends.
 */
export interface ShutdownRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'shutdown';
  params: ShutdownParams;
}
/**
 * Parameters of `shutdown`.
 */
export interface ShutdownParams {}
/**
 * The answer to a request is not wanted any more.
 */
export interface CancelNote {
  jsonrpc: '2.0';
  method: '$/cancel';
  params: CancelParams;
}
/**
 * Parameters of `$/cancel`.
 */
export interface CancelParams {
  id: RequestId;
}
/**
 * How far the work on a request is; begins its time limit anew.
 */
export interface ProgressNote {
  jsonrpc: '2.0';
  method: '$/progress';
  params: ProgressParams;
}
/**
 * Parameters of `$/progress`.
 */
export interface ProgressParams {
  id: RequestId;
  /**
   * For people.
   */
  message?: string;
  /**
   * How much is done.
   */
  done?: number;
  /**
   * Of how much.
   */
  total?: number;
}
/**
 * A line for the log.
 */
export interface LogNote {
  jsonrpc: '2.0';
  method: 'log';
  params: LogParams;
}
/**
 * Parameters of `log`.
 */
export interface LogParams {
  /**
   * How important it is.
   */
  level: 'error' | 'warn' | 'info' | 'debug';
  /**
   * One line.
   */
  message: string;
}
/**
 * A migration begins, or goes on after the plugin was started anew. What was told before is void.
 */
export interface PolicyBeginRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'policy/begin';
  params: PolicyBeginParams;
}
/**
 * Parameters of `policy/begin`.
 */
export interface PolicyBeginParams {
  /**
   * The run's id.
   */
  run: string;
  disk: PolicyDisk;
  /**
   * Bytes of a block.
   */
  granularity: number;
  /**
   * How many blocks the disk has.
   */
  blocks: number;
}
/**
 * The disk that is moved.
 */
export interface PolicyDisk {
  /**
   * What the hypervisor calls it.
   */
  name: string;
  /**
   * In bytes.
   */
  size: number;
}
/**
 * Decide what is sent next and what is put off.
 */
export interface PolicyPlanRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'policy/plan';
  params: PolicyPlanParams;
}
/**
 * Parameters of `policy/plan`.
 */
export interface PolicyPlanParams {
  /**
   * From 0; round 0 is the bulk round.
   */
  round: number;
  /**
   * From 0 in each round.
   */
  batch: number;
  /**
   * In milliseconds, on a clock that never goes back within a run.
   */
  now: number;
  /**
   * Most blocks to send: about two seconds of sending.
   */
  budgetBlocks: number;
  /**
   * How long the guest lets dirty pages wait, in milliseconds; absent when unknown.
   */
  dirtyExpireMs?: number;
  candidates: SetUpdate;
  sent: SetUpdate;
  dirty: SetUpdate;
  writeback: SetUpdate;
  cache?: CacheAge;
  /**
   * What the guest touched since the last plan, in the order of time; after `policy/begin` what is known so far.
   */
  touches: Touch[];
}
/**
 * What a set that the host keeps with the plugin is now: `whole`, or, against the newest that was told, what to remove and then what to add. With none of the three it is as it was.
 */
export interface SetUpdate {
  whole?: Blocks;
  remove?: Blocks;
  add?: Blocks;
}
/**
 * The newest look at the guest's page cache.
 */
export interface CacheAge {
  /**
   * When, in milliseconds on the clock of `now`.
   */
  at: number;
}
/**
 * Blocks that the guest touched, as the host saw it.
 */
export interface Touch {
  /**
   * When, in milliseconds on the clock of `now`.
   */
  at: number;
  /**
   * `written`: they reached the disk. `cached`: they were dirty in the page cache.
   */
  kind: 'written' | 'cached';
  blocks: Blocks;
}
/**
 * Whether another round is of no use. Asked at statement 11 where what is not put off does not fit the downtime limit.
 */
export interface PolicyConvergedRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'policy/converged';
  params: PolicyConvergedParams;
}
/**
 * Parameters of `policy/converged`.
 */
export interface PolicyConvergedParams {
  /**
   * All rounds so far, oldest first.
   */
  rounds: RoundAccount[];
  /**
   * In bytes a second.
   */
  bandwidth: number;
  /**
   * Distinct bytes that the guest dirties, a second.
   */
  dirtyRate: number;
  /**
   * How long the guest may be paused.
   */
  downtimeLimitMs: number;
}
/**
 * Figures of a finished round. Sizes are bytes, times milliseconds.
 */
export interface RoundAccount {
  /**
   * What it sent.
   */
  sentBytes: number;
  /**
   * Of these, of blocks that had been sent before.
   */
  resentBytes: number;
  /**
   * What was pending when it was over.
   */
  pendingBytes: number;
  /**
   * Of these, what is put off.
   */
  deferredBytes: number;
  /**
   * Of these, what is not.
   */
  undeferredBytes: number;
  /**
   * How long it took.
   */
  durationMs: number;
}
/**
 * Why the newest plan did with a block what it did.
 */
export interface PolicyExplainRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'policy/explain';
  params: PolicyExplainParams;
}
/**
 * Parameters of `policy/explain`.
 */
export interface PolicyExplainParams {
  /**
   * Its number.
   */
  block: number;
}
/**
 * Reach the guest.
 */
export interface ProbeOpenRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'probe/open';
  params: ProbeOpenParams;
}
/**
 * Parameters of `probe/open`.
 */
export interface ProbeOpenParams {
  /**
   * Name of the hypervisor.
   */
  host: string;
  disk: ProbeDiskQuery;
}
/**
 * What the host knows of a disk; the probe's disk is the one that all given fields fit.
 */
export interface ProbeDiskQuery {
  /**
   * In bytes.
   */
  size: number;
  /**
   * As the guest sees it.
   */
  serial?: string;
  /**
   * `bus:slot.function`, hexadecimal.
   */
  pci?: string;
}
/**
 * One look at the guest's page cache over a disk.
 */
export interface ProbeSnapshotRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'probe/snapshot';
  params: ProbeSnapshotParams;
}
/**
 * Parameters of `probe/snapshot`.
 */
export interface ProbeSnapshotParams {
  disk: ProbeDiskQuery;
  /**
   * Report clean pages too.
   */
  clean: boolean;
}
/**
 * Have the guest write back what is dirty.
 */
export interface ProbeDrainRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'probe/drain';
  params: ProbeDrainParams;
}
/**
 * Parameters of `probe/drain`.
 */
export interface ProbeDrainParams {
  disk: ProbeDiskQuery;
  /**
   * Only these; all unless told.
   */
  extents?: Extent[];
}
/**
 * A run of bytes of the virtual disk.
 */
export interface Extent {
  /**
   * In bytes.
   */
  offset: number;
  /**
   * In bytes.
   */
  length: number;
}
/**
 * Have the guest's file systems discard what no file uses.
 */
export interface ProbeTrimRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'probe/trim';
  params: ProbeTrimParams;
}
/**
 * Parameters of `probe/trim`.
 */
export interface ProbeTrimParams {
  disk: ProbeDiskQuery;
}
/**
 * Have dirty pages wait longer, or as before; undone by the plugin after `forMs`.
 */
export interface ProbeSteerRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'probe/steer';
  params: ProbeSteerParams;
}
/**
 * Parameters of `probe/steer`.
 */
export interface ProbeSteerParams {
  /**
   * What to do.
   */
  mode: 'hold' | 'release';
  /**
   * In milliseconds.
   */
  forMs: number;
}
/**
 * Let go of the guest, with nothing left behind.
 */
export interface ProbeCloseRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'probe/close';
  params: ProbeCloseParams;
}
/**
 * Parameters of `probe/close`.
 */
export interface ProbeCloseParams {}
/**
 * Reach the host.
 */
export interface HypervisorOpenRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'hypervisor/open';
  params: HypervisorOpenParams;
}
/**
 * Parameters of `hypervisor/open`.
 */
export interface HypervisorOpenParams {
  /**
   * As the person gave it, without the plugin's name.
   */
  address: string;
}
/**
 * List the guests.
 */
export interface HypervisorGuestsRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'hypervisor/guests';
  params: HypervisorGuestsParams;
}
/**
 * Parameters of `hypervisor/guests`.
 */
export interface HypervisorGuestsParams {}
/**
 * List a guest's disks.
 */
export interface HypervisorDisksRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'hypervisor/disks';
  params: HypervisorDisksParams;
}
/**
 * Parameters of `hypervisor/disks`.
 */
export interface HypervisorDisksParams {
  /**
   * Its id.
   */
  guest: string;
}
/**
 * Whether the guest's processors run.
 */
export interface HypervisorRunStateRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'hypervisor/runState';
  params: HypervisorRunStateParams;
}
/**
 * Parameters of `hypervisor/runState`.
 */
export interface HypervisorRunStateParams {
  /**
   * Its id.
   */
  guest: string;
}
/**
 * Stop the guest's processors; answer once they stand.
 */
export interface HypervisorPauseRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'hypervisor/pause';
  params: HypervisorPauseParams;
}
/**
 * Parameters of `hypervisor/pause`.
 */
export interface HypervisorPauseParams {
  /**
   * Its id.
   */
  guest: string;
}
/**
 * Let them run.
 */
export interface HypervisorResumeRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'hypervisor/resume';
  params: HypervisorResumeParams;
}
/**
 * Parameters of `hypervisor/resume`.
 */
export interface HypervisorResumeParams {
  /**
   * Its id.
   */
  guest: string;
}
/**
 * Make a disk readable for a run, without tracking yet.
 */
export interface HypervisorOpenSourceRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'hypervisor/openSource';
  params: HypervisorOpenSourceParams;
}
/**
 * Parameters of `hypervisor/openSource`.
 */
export interface HypervisorOpenSourceParams {
  /**
   * Its id.
   */
  guest: string;
  /**
   * Its name.
   */
  disk: string;
  /**
   * The run's id: 1 to 8 characters of a-z and 0-9; part of each name that is made.
   */
  run: string;
  /**
   * Bytes of a block.
   */
  granularity: number;
  /**
   * Number of the last flip that was visited, where another process tracked before.
   */
  after?: number;
}
/**
 * Begin to note what the guest writes.
 */
export interface HypervisorStartTrackingRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'hypervisor/startTracking';
  params: HypervisorStartTrackingParams;
}
/**
 * Parameters of `hypervisor/startTracking`.
 */
export interface HypervisorStartTrackingParams {
  /**
   * As openSource gave it.
   */
  source: string;
}
/**
 * What was written since the last flip; begin anew, atomically.
 */
export interface HypervisorFlipRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'hypervisor/flip';
  params: HypervisorFlipParams;
}
/**
 * Parameters of `hypervisor/flip`.
 */
export interface HypervisorFlipParams {
  /**
   * As openSource gave it.
   */
  source: string;
}
/**
 * Open a new image to which the guest can be pivoted.
 */
export interface HypervisorOpenPivotRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'hypervisor/openPivot';
  params: HypervisorOpenPivotParams;
}
/**
 * Parameters of `hypervisor/openPivot`.
 */
export interface HypervisorOpenPivotParams {
  /**
   * As openSource gave it.
   */
  source: string;
  /**
   * The run's id: 1 to 8 characters of a-z and 0-9; part of each name that is made.
   */
  run: string;
  /**
   * On the hypervisor's machine.
   */
  path: string;
  /**
   * Of the image.
   */
  format: 'raw' | 'qcow2';
  /**
   * Use an image that holds data.
   */
  overwrite: boolean;
  /**
   * Bypass the host's page cache.
   */
  cacheDirect?: boolean;
  /**
   * What discards do.
   */
  discard?: 'ignore' | 'unmap';
  /**
   * How I/O is done.
   */
  aio?: 'threads' | 'native' | 'io_uring';
  /**
   * It is open still, as this run left it.
   */
  reopens?: boolean;
}
/**
 * Swap the guest's disk for the destination; the guest stands and both are equal.
 */
export interface HypervisorSwitchOverRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'hypervisor/switchOver';
  params: HypervisorSwitchOverParams;
}
/**
 * Parameters of `hypervisor/switchOver`.
 */
export interface HypervisorSwitchOverParams {
  /**
   * As openPivot gave it.
   */
  destination: string;
}
/**
 * Let go of a source, a destination or a port.
 */
export interface HypervisorReleaseRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'hypervisor/release';
  params: HypervisorReleaseParams;
}
/**
 * Parameters of `hypervisor/release`.
 */
export interface HypervisorReleaseParams {
  /**
   * The name of the source, destination or port.
   */
  what: string;
  /**
   * For a destination: what becomes of its image.
   */
  outcome?: 'keep' | 'discard' | 'as-found';
}
/**
 * Where the guest's probe can be reached.
 */
export interface HypervisorProbeAddressRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'hypervisor/probeAddress';
  params: HypervisorProbeAddressParams;
}
/**
 * Parameters of `hypervisor/probeAddress`.
 */
export interface HypervisorProbeAddressParams {
  /**
   * Its id.
   */
  guest: string;
}
/**
 * Where the guest's agent can be reached.
 */
export interface HypervisorGuestAgentAddressRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'hypervisor/guestAgentAddress';
  params: HypervisorGuestAgentAddressParams;
}
/**
 * Parameters of `hypervisor/guestAgentAddress`.
 */
export interface HypervisorGuestAgentAddressParams {
  /**
   * Its id.
   */
  guest: string;
}
/**
 * Add a port for the probe to the running guest.
 */
export interface HypervisorAddProbePortRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'hypervisor/addProbePort';
  params: HypervisorAddProbePortParams;
}
/**
 * Parameters of `hypervisor/addProbePort`.
 */
export interface HypervisorAddProbePortParams {
  /**
   * Its id.
   */
  guest: string;
  /**
   * The run's id: 1 to 8 characters of a-z and 0-9; part of each name that is made.
   */
  run: string;
}
/**
 * What runs left here; changes nothing.
 */
export interface HypervisorLeftoversRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'hypervisor/leftovers';
  params: HypervisorLeftoversParams;
}
/**
 * Parameters of `hypervisor/leftovers`.
 */
export interface HypervisorLeftoversParams {
  /**
   * What journals say was done here.
   */
  changes: HostChange[];
}
/**
 * An action that is about to change something in a host.
 */
export interface HostChange {
  /**
   * Name of the hypervisor.
   */
  host: string;
  /**
   * For which it is done.
   */
  run?: string;
  /**
   * The command, or a word for what is none.
   */
  action: string;
  /**
   * The command's arguments, or what it is done to.
   */
  arguments?: {
    [k: string]: unknown;
  };
  /**
   * It puts something back.
   */
  undoes?: true;
  /**
   * One of many alike.
   */
  routine?: true;
}
/**
 * Remove what a run left; safe to do twice.
 */
export interface HypervisorRemoveLeftoversRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'hypervisor/removeLeftovers';
  params: HypervisorRemoveLeftoversParams;
}
/**
 * Parameters of `hypervisor/removeLeftovers`.
 */
export interface HypervisorRemoveLeftoversParams {
  /**
   * The run's id: 1 to 8 characters of a-z and 0-9; part of each name that is made.
   */
  run: string;
  /**
   * Of that run.
   */
  changes: HostChange[];
  /**
   * Only these; all unless told.
   */
  kinds?: string[];
}
/**
 * Let go of the host; remove what is left of its runs first.
 */
export interface HypervisorCloseRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'hypervisor/close';
  params: HypervisorCloseParams;
}
/**
 * Parameters of `hypervisor/close`.
 */
export interface HypervisorCloseParams {}
/**
 * Something happened to a guest.
 */
export interface HypervisorEventNote {
  jsonrpc: '2.0';
  method: 'hypervisor/event';
  params: HypervisorEventParams;
}
/**
 * Parameters of `hypervisor/event`.
 */
export interface HypervisorEventParams {
  /**
   * Its id.
   */
  guest: string;
  /**
   * What.
   */
  event: 'stopped' | 'resumed' | 'reset' | 'shutdown' | 'lost';
  /**
   * Of `shutdown`: whether the guest did it itself.
   */
  byGuest?: boolean;
  /**
   * Of `lost`: why.
   */
  message?: string;
}
/**
 * Note a change in the run's journal before it is made; when refused, it is not made.
 */
export interface HostRecordRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'host/record';
  params: HostRecordParams;
}
/**
 * Parameters of `host/record`.
 */
export interface HostRecordParams {
  change: HostChange;
}
/**
 * Asked during `hypervisor/switchOver`, before the step that can't be taken back; when refused, it is not done.
 */
export interface HostCommitRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'host/commit';
  params: HostCommitParams;
}
/**
 * Parameters of `host/commit`.
 */
export interface HostCommitParams {
  /**
   * As openPivot gave it.
   */
  destination: string;
}
/**
 * An event of the run.
 */
export interface ObserverEventNote {
  jsonrpc: '2.0';
  method: 'observer/event';
  params: ObserverEventParams;
}
/**
 * Parameters of `observer/event`.
 */
export interface ObserverEventParams {
  /**
   * As protocol/EVENTS.md has it.
   */
  event: {
    type: string;
    seq: number;
    t: number;
  };
}
/**
 * Events were left out because the plugin read too slowly.
 */
export interface ObserverMissedNote {
  jsonrpc: '2.0';
  method: 'observer/missed';
  params: ObserverMissedParams;
}
/**
 * Parameters of `observer/missed`.
 */
export interface ObserverMissedParams {
  /**
   * Number of the first that was left out.
   */
  from: number;
  /**
   * How many.
   */
  count: number;
}
/**
 * Hold the program before its next statement.
 */
export interface HostPauseRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'host/pause';
  params: HostPauseParams;
}
/**
 * Parameters of `host/pause`.
 */
export interface HostPauseParams {
  /**
   * For people.
   */
  reason: string;
}
/**
 * Make the workload for a disk; the same seed gives the same acts.
 */
export interface WorkloadBeginRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'workload/begin';
  params: WorkloadBeginParams;
}
/**
 * Parameters of `workload/begin`.
 */
export interface WorkloadBeginParams {
  /**
   * Of the guest's disk.
   */
  diskBytes: number;
  /**
   * Of the guest's page cache.
   */
  cacheBytes: number;
  /**
   * Of a page.
   */
  pageBytes: number;
  /**
   * For whatever is random.
   */
  seed: number;
}
/**
 * The acts of the next stretch of time.
 */
export interface WorkloadNextRequest {
  jsonrpc: '2.0';
  id: RequestId;
  method: 'workload/next';
  params: WorkloadNextParams;
}
/**
 * Parameters of `workload/next`.
 */
export interface WorkloadNextParams {
  /**
   * The stretch begins.
   */
  fromMs: number;
  /**
   * It ends before this.
   */
  untilMs: number;
  /**
   * Of the acts of the stretch before, in their order.
   */
  outcomes: ActOutcome[];
}
/**
 * What became of an act.
 */
export interface ActOutcome {
  /**
   * How long the caller waited.
   */
  waitedMs: number;
  /**
   * Why it was not done; absent where it was.
   */
  failure?: 'no-space' | 'no-file';
}
/**
 * The answer to a request that was not carried out.
 */
export interface Refusal {
  jsonrpc: '2.0';
  /**
   * null where the request could not be read.
   */
  id: RequestId | null;
  error: Fault;
}
/**
 * Why a request was not carried out.
 */
export interface Fault {
  /**
   * -32700, -32600, -32601, -32602 and -32603 as JSON-RPC has them; -32800 it was cancelled; -32000 it was refused.
   */
  code: number;
  /**
   * A sentence for people.
   */
  message: string;
  data?: FaultData;
}
/**
 * More.
 */
export interface FaultData {
  /**
   * What the person can do, a sentence.
   */
  hint?: string;
}
/**
 * The answer to `initialize`.
 */
export interface InitializeReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: InitializeResult;
}
/**
 * Result of `initialize`.
 */
export interface InitializeResult {
  /**
   * Version that the plugin speaks, `major.minor`.
   */
  protocol: string;
  plugin: Program;
  /**
   * Roles that the plugin has.
   *
   * @minItems 1
   */
  roles: [Role, ...Role[]];
  capabilities: Capabilities;
}
/**
 * By role; only those of the roles that the plugin has.
 */
export interface Capabilities {
  policy?: PolicyCapabilities;
  probe?: ProbeCapabilities;
  observer?: ObserverCapabilities;
  hypervisor?: HypervisorCapabilities;
  /**
   * Nothing yet.
   */
  workload?: {};
}
/**
 * What a policy asks for and can do.
 */
export interface PolicyCapabilities {
  /**
   * Whether the guest should be asked for its page cache before each plan.
   */
  usesCache?: boolean;
  /**
   * `whole`: every set comes whole each time. `changes`: after the first time only what changed.
   */
  sets?: 'whole' | 'changes';
  /**
   * Whether the host may send the compact form.
   */
  compact?: boolean;
  /**
   * Every reason that its plans name.
   */
  reasons?: ReasonText[];
  /**
   * Whether it answers `policy/converged`.
   */
  converged?: boolean;
  /**
   * Whether it answers `policy/explain`.
   */
  explain?: boolean;
}
/**
 * A reason for which the policy puts blocks off.
 */
export interface ReasonText {
  /**
   * As a plan names it: a-z, 0-9 and -.
   */
  name: string;
  /**
   * What it means for a block, a sentence.
   */
  text: string;
}
/**
 * What a probe can do beside `probe/snapshot`.
 */
export interface ProbeCapabilities {
  /**
   * Answers `probe/drain`.
   */
  drain?: boolean;
  /**
   * Answers `probe/trim`.
   */
  trim?: boolean;
  /**
   * Answers `probe/steer`.
   */
  steer?: boolean;
}
/**
 * What an observer wants.
 */
export interface ObserverCapabilities {
  /**
   * Types of events that it wants; all unless told.
   */
  events?: string[];
  /**
   * Whether it may ask for a pause.
   */
  pauses?: boolean;
}
/**
 * What a hypervisor can do beside reading and tracking.
 */
export interface HypervisorCapabilities {
  /**
   * Answers `hypervisor/openPivot` and `hypervisor/switchOver`.
   */
  pivot?: boolean;
  /**
   * Answers `hypervisor/addProbePort`.
   */
  probePort?: boolean;
}
/**
 * The answer to `shutdown`.
 */
export interface ShutdownReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: ShutdownResult;
}
/**
 * Result of `shutdown`.
 */
export interface ShutdownResult {}
/**
 * The answer to `policy/begin`.
 */
export interface PolicyBeginReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: PolicyBeginResult;
}
/**
 * Result of `policy/begin`.
 */
export interface PolicyBeginResult {}
/**
 * The answer to `policy/plan`.
 */
export interface PolicyPlanReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: PolicyPlanResult;
}
/**
 * Result of `policy/plan`.
 */
export interface PolicyPlanResult {
  send: Blocks;
  /**
   * What is put off, each reason once, the strongest first.
   */
  deferred: Deferred[];
}
/**
 * Candidates that are put off for one reason.
 */
export interface Deferred {
  /**
   * One of those that `initialize` declared.
   */
  reason: string;
  blocks: Blocks;
}
/**
 * The answer to `policy/converged`.
 */
export interface PolicyConvergedReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: PolicyConvergedResult;
}
/**
 * Result of `policy/converged`.
 */
export interface PolicyConvergedResult {
  /**
   * No more rounds.
   */
  enough: boolean;
}
/**
 * The answer to `policy/explain`.
 */
export interface PolicyExplainReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: PolicyExplainResult;
}
/**
 * Result of `policy/explain`.
 */
export interface PolicyExplainResult {
  /**
   * One or two sentences for people.
   */
  text: string;
}
/**
 * The answer to `probe/open`.
 */
export interface ProbeOpenReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: ProbeOpenResult;
}
/**
 * Result of `probe/open`.
 */
export interface ProbeOpenResult {
  /**
   * How pages are found, best first.
   */
  method: 'kcore' | 'cachestat' | 'mincore';
  /**
   * Why better methods are not used, one sentence each.
   */
  methodReasons: string[];
  /**
   * The guest's kernel release.
   */
  kernel: string;
  /**
   * Changes when the guest reboots.
   */
  bootId: string;
  /**
   * The guest's disks.
   */
  disks: ProbeDisk[];
  /**
   * How long the guest lets dirty pages wait.
   */
  dirtyExpireMs: number;
  /**
   * How often it looks for those to write.
   */
  dirtyWritebackMs: number;
}
/**
 * A guest disk as the probe sees it.
 */
export interface ProbeDisk {
  /**
   * The guest's name, e.g. `vda`.
   */
  name: string;
  /**
   * In bytes.
   */
  size: number;
  /**
   * As the guest sees it.
   */
  serial?: string;
  /**
   * `bus:slot.function`, hexadecimal.
   */
  pci?: string;
}
/**
 * The answer to `probe/snapshot`.
 */
export interface ProbeSnapshotReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: ProbeSnapshotResult;
}
/**
 * Result of `probe/snapshot`.
 */
export interface ProbeSnapshotResult {
  /**
   * Grows with each report.
   */
  sequence: number;
  /**
   * How pages were found.
   */
  method: 'kcore' | 'cachestat' | 'mincore';
  /**
   * On the guest's monotonic clock.
   */
  startMs: number;
  /**
   * On the guest's monotonic clock.
   */
  endMs: number;
  /**
   * Ascending by offset, without overlap.
   */
  extents: CacheExtent[];
  /**
   * That `file` counts in.
   */
  files: CacheFile[];
  /**
   * Bytes of dirty pages whose place can't be told, by reason.
   */
  unmappedBytes: {
    [k: string]: number;
  };
  /**
   * Where the file systems' journals lie.
   */
  journals: Extent[];
  /**
   * Lists that were begun anew.
   */
  restarts: number;
  /**
   * Lists that were given up.
   */
  givenUp: number;
  /**
   * Why the report is not whole; absent when it is.
   */
  truncated?: string;
}
/**
 * A run of bytes of the disk that the guest's page cache holds.
 */
export interface CacheExtent {
  /**
   * In bytes.
   */
  offset: number;
  /**
   * In bytes.
   */
  length: number;
  /**
   * As the kernel has it.
   */
  state: 'clean' | 'dirty' | 'writeback';
  /**
   * What it is to the file system.
   */
  class: 'data' | 'metadata' | 'journal';
  /**
   * Index into `files`.
   */
  file?: number;
  /**
   * Offset in the file of the first byte.
   */
  fileOffset?: number;
  /**
   * Since the inode was first dirtied.
   */
  ageMs?: number;
}
/**
 * A file with pages in the report.
 */
export interface CacheFile {
  /**
   * `major:minor` of its file system.
   */
  device: string;
  /**
   * Its number.
   */
  inode: number;
  /**
   * Of the inode.
   */
  generation: number;
  /**
   * 0 for an unlinked file that is still open.
   */
  links: number;
  /**
   * Where it is known.
   */
  path?: string;
  /**
   * Its type.
   */
  fileSystem: string;
}
/**
 * The answer to `probe/drain`.
 */
export interface ProbeDrainReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: ProbeDrainResult;
}
/**
 * Result of `probe/drain`.
 */
export interface ProbeDrainResult {
  /**
   * What was written.
   */
  writtenBytes: number;
  /**
   * How long it took.
   */
  tookMs: number;
}
/**
 * The answer to `probe/trim`.
 */
export interface ProbeTrimReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: ProbeTrimResult;
}
/**
 * Result of `probe/trim`.
 */
export interface ProbeTrimResult {
  /**
   * What was discarded.
   */
  trimmedBytes: number;
}
/**
 * The answer to `probe/steer`.
 */
export interface ProbeSteerReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: ProbeSteerResult;
}
/**
 * Result of `probe/steer`.
 */
export interface ProbeSteerResult {}
/**
 * The answer to `probe/close`.
 */
export interface ProbeCloseReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: ProbeCloseResult;
}
/**
 * Result of `probe/close`.
 */
export interface ProbeCloseResult {}
/**
 * The answer to `hypervisor/open`.
 */
export interface HypervisorOpenReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: HypervisorOpenResult;
}
/**
 * Result of `hypervisor/open`.
 */
export interface HypervisorOpenResult {
  /**
   * How people and errors name it.
   */
  name: string;
}
/**
 * The answer to `hypervisor/guests`.
 */
export interface HypervisorGuestsReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: HypervisorGuestsResult;
}
/**
 * Result of `hypervisor/guests`.
 */
export interface HypervisorGuestsResult {
  /**
   * All of them.
   */
  guests: Guest[];
}
/**
 * A guest of the host.
 */
export interface Guest {
  /**
   * Names it in every other call.
   */
  id: string;
  /**
   * For people.
   */
  name: string;
  /**
   * Whether its processors run.
   */
  running: boolean;
  /**
   * The hypervisor's own word.
   */
  status: string;
}
/**
 * The answer to `hypervisor/disks`.
 */
export interface HypervisorDisksReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: HypervisorDisksResult;
}
/**
 * Result of `hypervisor/disks`.
 */
export interface HypervisorDisksResult {
  /**
   * All of them.
   */
  disks: GuestDisk[];
}
/**
 * A disk of a guest.
 */
export interface GuestDisk {
  /**
   * What people call it.
   */
  name: string;
  /**
   * Other names for it.
   */
  aliases: string[];
  /**
   * In bytes.
   */
  size: number;
  /**
   * Of the image.
   */
  format: string;
  /**
   * File name or URI, for people.
   */
  image: string;
  /**
   * Whether the guest can't write it.
   */
  readOnly: boolean;
  guestIdentity: GuestIdentity;
}
/**
 * How the guest can recognise it.
 */
export interface GuestIdentity {
  /**
   * Its serial number.
   */
  serial?: string;
  /**
   * `bus:slot.function`, hexadecimal.
   */
  pci?: string;
}
/**
 * The answer to `hypervisor/runState`.
 */
export interface HypervisorRunStateReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: HypervisorRunStateResult;
}
/**
 * Result of `hypervisor/runState`.
 */
export interface HypervisorRunStateResult {
  /**
   * Whether they do.
   */
  running: boolean;
  /**
   * The hypervisor's own word.
   */
  status: string;
}
/**
 * The answer to `hypervisor/pause`.
 */
export interface HypervisorPauseReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: HypervisorPauseResult;
}
/**
 * Result of `hypervisor/pause`.
 */
export interface HypervisorPauseResult {}
/**
 * The answer to `hypervisor/resume`.
 */
export interface HypervisorResumeReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: HypervisorResumeResult;
}
/**
 * Result of `hypervisor/resume`.
 */
export interface HypervisorResumeResult {}
/**
 * The answer to `hypervisor/openSource`.
 */
export interface HypervisorOpenSourceReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: HypervisorOpenSourceResult;
}
/**
 * Result of `hypervisor/openSource`.
 */
export interface HypervisorOpenSourceResult {
  /**
   * Names it in later calls.
   */
  source: string;
  /**
   * NBD URI of a read-only export with the meta context base:allocation.
   */
  uri: string;
}
/**
 * The answer to `hypervisor/startTracking`.
 */
export interface HypervisorStartTrackingReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: HypervisorStartTrackingResult;
}
/**
 * Result of `hypervisor/startTracking`.
 */
export interface HypervisorStartTrackingResult {}
/**
 * The answer to `hypervisor/flip`.
 */
export interface HypervisorFlipReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: HypervisorFlipResult;
}
/**
 * Result of `hypervisor/flip`.
 */
export interface HypervisorFlipResult {
  /**
   * Above those of all earlier flips.
   */
  number: number;
  written: Blocks;
}
/**
 * The answer to `hypervisor/openPivot`.
 */
export interface HypervisorOpenPivotReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: HypervisorOpenPivotResult;
}
/**
 * Result of `hypervisor/openPivot`.
 */
export interface HypervisorOpenPivotResult {
  /**
   * Names it in later calls.
   */
  destination: string;
  /**
   * For people.
   */
  name: string;
  /**
   * NBD URI of a writable export.
   */
  uri: string;
  /**
   * Whether all that is not yet written reads as zeroes.
   */
  readsAsZeroes: boolean;
  /**
   * What the guest's disk is called after the switchover.
   */
  diskName: string;
}
/**
 * The answer to `hypervisor/switchOver`.
 */
export interface HypervisorSwitchOverReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: HypervisorSwitchOverResult;
}
/**
 * Result of `hypervisor/switchOver`.
 */
export interface HypervisorSwitchOverResult {
  /**
   * What the guest's disk is called now.
   */
  diskName: string;
}
/**
 * The answer to `hypervisor/release`.
 */
export interface HypervisorReleaseReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: HypervisorReleaseResult;
}
/**
 * Result of `hypervisor/release`.
 */
export interface HypervisorReleaseResult {}
/**
 * The answer to `hypervisor/probeAddress`.
 */
export interface HypervisorProbeAddressReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: HypervisorProbeAddressResult;
}
/**
 * Result of `hypervisor/probeAddress`.
 */
export interface HypervisorProbeAddressResult {
  /**
   * null without one.
   */
  address: SocketAddress | null;
}
/**
 * A unix socket.
 */
export interface UnixAddress {
  type: 'unix';
  /**
   * Its path.
   */
  path: string;
}
/**
 * A TCP port.
 */
export interface TcpAddress {
  type: 'tcp';
  /**
   * Name or address.
   */
  host: string;
  /**
   * Number.
   */
  port: number;
}
/**
 * The answer to `hypervisor/guestAgentAddress`.
 */
export interface HypervisorGuestAgentAddressReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: HypervisorGuestAgentAddressResult;
}
/**
 * Result of `hypervisor/guestAgentAddress`.
 */
export interface HypervisorGuestAgentAddressResult {
  /**
   * null without one.
   */
  address: SocketAddress | null;
}
/**
 * The answer to `hypervisor/addProbePort`.
 */
export interface HypervisorAddProbePortReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: HypervisorAddProbePortResult;
}
/**
 * Result of `hypervisor/addProbePort`.
 */
export interface HypervisorAddProbePortResult {
  /**
   * Names it in `hypervisor/release`.
   */
  port: string;
  address: SocketAddress;
}
/**
 * The answer to `hypervisor/leftovers`.
 */
export interface HypervisorLeftoversReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: HypervisorLeftoversResult;
}
/**
 * Result of `hypervisor/leftovers`.
 */
export interface HypervisorLeftoversResult {
  /**
   * All of them.
   */
  leftovers: Leftover[];
}
/**
 * Something that a run made and that is there still.
 */
export interface Leftover {
  /**
   * What it is.
   */
  kind:
    | 'job'
    | 'export'
    | 'nbd-server'
    | 'bitmap'
    | 'node'
    | 'device'
    | 'character-device'
    | 'process'
    | 'folder';
  /**
   * As the hypervisor has it.
   */
  name: string;
  /**
   * The run's id.
   */
  run: string;
  /**
   * What it belongs to.
   */
  on?: string;
}
/**
 * The answer to `hypervisor/removeLeftovers`.
 */
export interface HypervisorRemoveLeftoversReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: HypervisorRemoveLeftoversResult;
}
/**
 * Result of `hypervisor/removeLeftovers`.
 */
export interface HypervisorRemoveLeftoversResult {
  /**
   * One for each.
   */
  outcomes: LeftoverOutcome[];
}
/**
 * What became of a leftover.
 */
export interface LeftoverOutcome {
  leftover: Leftover;
  /**
   * Why it is there still; absent where it is gone.
   */
  failure?: string;
}
/**
 * The answer to `hypervisor/close`.
 */
export interface HypervisorCloseReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: HypervisorCloseResult;
}
/**
 * Result of `hypervisor/close`.
 */
export interface HypervisorCloseResult {}
/**
 * The answer to `host/record`.
 */
export interface HostRecordReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: HostRecordResult;
}
/**
 * Result of `host/record`.
 */
export interface HostRecordResult {}
/**
 * The answer to `host/commit`.
 */
export interface HostCommitReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: HostCommitResult;
}
/**
 * Result of `host/commit`.
 */
export interface HostCommitResult {}
/**
 * The answer to `host/pause`.
 */
export interface HostPauseReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: HostPauseResult;
}
/**
 * Result of `host/pause`.
 */
export interface HostPauseResult {}
/**
 * The answer to `workload/begin`.
 */
export interface WorkloadBeginReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: WorkloadBeginResult;
}
/**
 * Result of `workload/begin`.
 */
export interface WorkloadBeginResult {
  /**
   * Of the workload.
   */
  name: string;
  /**
   * One sentence for people.
   */
  description: string;
  /**
   * That are there at the beginning.
   */
  files: LaidOutFile[];
}
/**
 * A file that is on the disk before the workload begins.
 */
export interface LaidOutFile {
  /**
   * Absolute.
   */
  path: string;
  /**
   * Its length.
   */
  pages: number;
}
/**
 * The answer to `workload/next`.
 */
export interface WorkloadNextReply {
  jsonrpc: '2.0';
  id: RequestId;
  result: WorkloadNextResult;
}
/**
 * Result of `workload/next`.
 */
export interface WorkloadNextResult {
  /**
   * Ascending by time, within the stretch.
   *
   * @maxItems 100000
   */
  acts: Act[];
}
/**
 * A system call of the workload. Places in files are pages.
 */
export interface Act {
  /**
   * On the guest's clock, since the workload began.
   */
  atMs: number;
  /**
   * Which.
   */
  call: 'create' | 'write' | 'writeDirect' | 'read' | 'sync' | 'truncate' | 'rename' | 'unlink';
  /**
   * Absolute.
   */
  path: string;
  /**
   * First page, of write, writeDirect and read.
   */
  first?: number;
  /**
   * Pages, of write, writeDirect and read.
   */
  count?: number;
  /**
   * New length, of truncate.
   */
  pages?: number;
  /**
   * New path, of rename.
   */
  to?: string;
  /**
   * Of sync: fsync instead of fdatasync.
   */
  metadata?: boolean;
}
