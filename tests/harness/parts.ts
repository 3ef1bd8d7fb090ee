import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { freePort, startLunaDefend } from '@lunadefend/testing'
import { scratch } from './directory.ts'

export type PartName = 'app' | 'tokenizer' | 'objects'

/** App, Tokenizer and object store as three processes, each of which can be killed or stopped for real. */
export interface Parts extends AsyncDisposable {
  readonly urls: Readonly<Record<PartName, string>>
  start(part: PartName): Promise<void>
  /** SIGKILL. Settled when the process is gone. */
  kill(part: PartName): Promise<void>
  /** SIGSTOP: connections are taken, and nobody answers. */
  freeze(part: PartName): void
  thaw(part: PartName): void
}

export async function startParts(): Promise<Parts> {
  const folder = scratch()
  const directory = join(folder.path, '.lunadefend')
  const ports = [await freePort(), await freePort(), await freePort()]
  const [app, tokenizer, objects] = ports.map((port) => `http://localhost:${port}`) as [
    string,
    string,
    string,
  ]
  // Makes the keys.
  await (await startLunaDefend({ directory, apps: [{ id: 'demo', origins: [app] }] })).close()
  const running = new Map<PartName, ChildProcess>()
  const parts: Parts = {
    urls: { app, tokenizer, objects },
    async start(part) {
      const file = new URL('./part-process.ts', import.meta.url)
      const child = fork(file, [part, directory, ...ports.map(String)])
      running.set(part, child)
      await Promise.race([once(child, 'message'), once(child, 'exit').then(() => failed(part))])
    },
    async kill(part) {
      const child = running.get(part)
      if (child === undefined || !running.delete(part)) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
    freeze: (part) => void running.get(part)?.kill('SIGSTOP'),
    thaw: (part) => void running.get(part)?.kill('SIGCONT'),
    async [Symbol.asyncDispose]() {
      for (const part of [...running.keys()]) await parts.kill(part)
      folder[Symbol.dispose]()
    },
  }
  // The Tokenizer tries the object store when it starts; were it not there, the first upload would have to wait for that.
  await parts.start('objects')
  await Promise.all((['tokenizer', 'app'] as const).map(parts.start))
  return parts
}

function failed(part: PartName): never {
  throw new Error(`The process of the ${part} ended before it was ready.`)
}
