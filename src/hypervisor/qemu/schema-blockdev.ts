/** Block nodes and images of QEMU's QAPI schema (qapi/block-core.json), as far as they are used. */

/** Members that `blockdev-add` takes for every driver. */
interface BlockdevOptionsBase {
  readonly 'node-name'?: string;
  readonly 'read-only'?: boolean;
  readonly discard?: 'ignore' | 'unmap';
  readonly 'detect-zeroes'?: 'off' | 'on' | 'unmap';
  readonly cache?: { readonly direct?: boolean; readonly 'no-flush'?: boolean };
}

export interface BlockdevOptionsFile extends BlockdevOptionsBase {
  readonly driver: 'file' | 'host_device';
  readonly filename: string;
  readonly aio?: 'threads' | 'native' | 'io_uring';
}

export interface BlockdevOptionsRaw extends BlockdevOptionsBase {
  readonly driver: 'raw';
  readonly file: BlockdevOptionsFile;
  /** Shows only so many bytes of the file. */
  readonly size?: number;
}

export interface BlockdevOptionsQcow2 extends BlockdevOptionsBase {
  readonly driver: 'qcow2';
  readonly file: BlockdevOptionsFile;
}

export type BlockdevOptions = BlockdevOptionsFile | BlockdevOptionsRaw | BlockdevOptionsQcow2;

export type BlockdevCreateOptions =
  | { readonly driver: 'file'; readonly filename: string; readonly size: number }
  | { readonly driver: 'qcow2'; readonly file: BlockdevOptionsFile; readonly size: number };
