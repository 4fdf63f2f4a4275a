export type { Bytes, Named, ReadOptions } from "./bytes.js";
export { crc32, sha256 } from "./checksum.js";
export { FileFormatError } from "./fault.js";
export { FileSystemError, fileExists, readFile, removeFile, writeFileAtomic } from "./files.js";
export { type GunzipOptions, gunzip } from "./gzip.js";
export { type Hdf5File, readHdf5 } from "./hdf5Read.js";
export { writeHdf5 } from "./hdf5Write.js";
export { type IdxArray, type IdxOptions, readIdx, writeIdx } from "./idx.js";
export { readNpy, writeNpy } from "./npy.js";
export {
  readSafetensors,
  type SafetensorsDType,
  type SafetensorsFile,
  writeSafetensors,
} from "./safetensors.js";
export { type UnzipOptions, unzip, type ZipOptions, zip } from "./zip.js";
