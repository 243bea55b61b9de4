import type { ByteSource, Folder } from "./sukashi.js";

/** A `File` that a reader chose, or any other `Blob`. It stays where it is. */
export function blobSource(blob: Blob): ByteSource;
/** A file of the browser's own file system (OPFS), open in a worker. */
export function fileSystemSource(handle: {
  getSize(): number;
  read(into: Uint8Array, options: { at: number }): number;
}): ByteSource;
/** A file on a server that gives ranges. The server says its length before anything is read. */
export function httpSource(url: string | URL, options?: RequestInit): Promise<ByteSource>;
/** Bytes in memory, with their hash. A page without TLS cannot hash, and records have no hash then. */
export function memorySource(bytes: Uint8Array): Promise<ByteSource>;
/** The model soseki-mini, which lies beside this file. */
export function sosekiMini(): Promise<Folder>;
/** The two faces of figures, which lie beside this file: regular and bold, for `setFonts`. */
export function ownFonts(): Promise<[Uint8Array, Uint8Array]>;
