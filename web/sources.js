// Sources of bytes for `LoadedModel.fromGguf` and `LoadedModel.fromFolder`, which read a file part by part.

/**
 * A `File` that a reader chose, or any other `Blob`. It stays where it is.
 * @param {Blob} blob
 * @returns {import("./sukashi.js").ByteSource}
 */
export function blobSource(blob) {
  return {
    size: blob.size,
    async readAt(offset, into) {
      into.set(new Uint8Array(await blob.slice(offset, offset + into.length).arrayBuffer()));
    },
  };
}

/**
 * A file of the browser's own file system (OPFS), open in a worker.
 * @param {FileSystemSyncAccessHandle} handle
 * @returns {import("./sukashi.js").ByteSource}
 */
export function fileSystemSource(handle) {
  return {
    size: handle.getSize(),
    readAt(offset, into) {
      let done = 0;
      while (done < into.length) {
        const count = handle.read(into.subarray(done), { at: offset + done });
        if (count === 0) {
          throw new Error(`the file ends at ${offset + done}`);
        }
        done += count;
      }
    },
  };
}

/**
 * A file on a server that gives ranges. The server says its length before anything is read.
 * @param {string | URL} url
 * @param {RequestInit} [options]
 * @returns {Promise<import("./sukashi.js").ByteSource>}
 */
export async function httpSource(url, options = {}) {
  const get = async (first, last) => {
    const headers = new Headers(options.headers);
    headers.set("range", `bytes=${first}-${last}`);
    const response = await fetch(url, { ...options, headers });
    if (response.status !== 206) {
      await response.body?.cancel();
      throw new Error(`${url}: found status ${response.status}, expected 206 with the bytes ${first} to ${last}`);
    }
    return response;
  };
  const first = await get(0, 0);
  await first.arrayBuffer();
  const size = Number(/\/(\d+)$/.exec(first.headers.get("content-range") ?? "")?.[1] ?? Number.NaN);
  if (!Number.isSafeInteger(size)) {
    throw new Error(`${url}: the server does not say how long the file is`);
  }
  return {
    size,
    async readAt(offset, into) {
      const response = await get(offset, offset + into.length - 1);
      const bytes = new Uint8Array(await response.arrayBuffer());
      if (bytes.length !== into.length) {
        throw new Error(`${url}: found ${bytes.length} bytes at ${offset}, expected ${into.length}`);
      }
      into.set(bytes);
    },
  };
}

/**
 * Bytes in memory, with their hash. A page without TLS cannot hash, and records have no hash then.
 * @param {Uint8Array} bytes
 * @returns {Promise<import("./sukashi.js").ByteSource>}
 */
export async function memorySource(bytes) {
  const hash = await globalThis.crypto?.subtle?.digest("SHA-256", bytes);
  const sha256 = hash && Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return {
    size: bytes.length,
    sha256,
    readAt(offset, into) {
      into.set(bytes.subarray(offset, offset + into.length));
    },
  };
}

/**
 * The model soseki-mini, which lies beside this file.
 * @returns {Promise<import("./sukashi.js").Folder>}
 */
export async function sosekiMini() {
  const [config, tokenizer, weights] = await Promise.all(
    ["config.json", "tokenizer.json", "model.safetensors"].map((name) => bytesOf(`soseki-mini/${name}`)),
  );
  return { config, tokenizer, weights: await memorySource(weights) };
}

/**
 * The two faces of figures, which lie beside this file: regular and bold, for `setFonts`.
 * @returns {Promise<[Uint8Array, Uint8Array]>}
 */
export async function ownFonts() {
  const [regular, bold] = await Promise.all(
    ["Regular", "Bold"].map((weight) => bytesOf(`fonts/SukashiGothic-${weight}.ttf`)),
  );
  return [regular, bold];
}

async function bytesOf(name) {
  const url = new URL(name, import.meta.url);
  const response = await fetch(url);
  if (!response.ok) {
    throw new Error(`${url}: found status ${response.status}`);
  }
  return new Uint8Array(await response.arrayBuffer());
}
