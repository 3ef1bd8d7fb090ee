import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** An empty folder that goes away with its scope. */
export interface Scratch extends Disposable {
  readonly path: string
  file(name: string): string
}

export function scratch(): Scratch {
  const path = mkdtempSync(join(tmpdir(), 'lunadefend-stores-'))
  return {
    path,
    file: (name) => join(path, name),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  }
}
