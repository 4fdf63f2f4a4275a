import type { Backend } from "../backends/backend.js";
import { BackendError, MyelinError } from "../base/errors.js";
import type { Storage } from "../graph/tensor.js";

/** Which backend each storage belongs to. */
const owners = new WeakMap<Storage, Backend>();

let current: Backend | undefined;
let choose: (() => Backend) | undefined;

/** The backend new work runs on; chosen at first use. */
export function backend(): Backend {
  if (!current) {
    if (!choose)
      throw new BackendError({
        who: "myelin",
        expected: "a backend",
        received: "none",
        fix: 'Import "myelin", or call setBackend(…).',
      });
    current = choose();
  }
  return current;
}

/** Runs all later work on the given backend. Tensors move there when they are used. */
export function useBackend(next: Backend): void {
  current = next;
}

/** How the backend is chosen at first use; set by the entry point of the platform. */
export function setBackendChoice(choice: () => Backend): void {
  choose = choice;
}

/**
 * Memory on the current backend.
 *
 * @throws {BackendError} where there is not as much
 */
export function allocate(bytes: number): Storage {
  const on = backend();
  let storage: Storage;
  try {
    storage = on.allocate(bytes);
  } catch (error) {
    if (error instanceof MyelinError) throw error;
    throw outOfMemory(on, bytes, error instanceof Error ? error.message : String(error), error);
  }
  owners.set(storage, on);
  return storage;
}

/** What the user sees where a tensor or a program needs more memory than there is. */
export function outOfMemory(on: Backend, bytes: number, received: string, cause?: unknown): BackendError {
  return new BackendError(
    {
      who: on.name,
      expected: `memory for ${Math.ceil(bytes / 2 ** 20)} MiB`,
      received,
      fix: "Check the shapes; broadcasting may have stretched them. Else use smaller batches.",
    },
    { cause },
  );
}

/** The backend that holds a storage. */
export function ownerOf(storage: Storage): Backend {
  return owners.get(storage) ?? backend();
}

/** The storage itself, or a copy of it on the current backend. */
export function onCurrentBackend(storage: Storage): Storage {
  return ownerOf(storage) === backend() ? storage : copyStorage(storage);
}

/** A copy on the current backend. */
export function copyStorage(storage: Storage): Storage {
  const owner = ownerOf(storage);
  const copy = allocate(storage.bytes);
  if (owner === backend()) owner.copy(storage, copy);
  else backend().write(copy, owner.read(storage).slice(0, storage.bytes));
  return copy;
}
