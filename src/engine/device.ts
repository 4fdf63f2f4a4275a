import type { Backend } from "../backends/backend.js";
import { BackendError } from "../base/errors.js";
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

/** Memory on the current backend. */
export function allocate(bytes: number): Storage {
  const on = backend();
  const storage = on.allocate(bytes);
  owners.set(storage, on);
  return storage;
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
