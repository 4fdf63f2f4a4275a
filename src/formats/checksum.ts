import { ConfigError } from "../base/errors.js";

const crcTable = new Uint32Array(256).map((_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/**
 * CRC-32 as in gzip, zip and PNG (ISO 3309), unsigned; `previous` continues an earlier part.
 *
 * @example formats.crc32(new TextEncoder().encode("123456789")) // 3421780262
 */
export function crc32(bytes: Uint8Array, previous = 0): number {
  let crc = ~previous;
  for (let i = 0; i < bytes.length; i++) crc = crcTable[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/**
 * SHA-256 of bytes by WebCrypto, as 64 lower-case hexadecimal digits.
 *
 * @throws {ConfigError} where WebCrypto is missing (a page that is not served over https or from localhost)
 * @example await formats.sha256(new Uint8Array()) // "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
 */
export async function sha256(bytes: Uint8Array): Promise<string> {
  if (globalThis.crypto?.subtle === undefined) {
    throw new ConfigError({
      who: "sha256",
      expected: "WebCrypto (crypto.subtle)",
      received: "a runtime without it",
      fix: "In a browser, serve the page over https or from localhost.",
    });
  }
  const digest = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
