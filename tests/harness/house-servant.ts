import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Order, ProcessOptions } from './house-process.ts'

/** Another process over the same house, which does what it is told and can be killed for real. */
export interface Servant extends AsyncDisposable {
  /** Rejects when the process dies before it has answered. */
  ask<T>(order: Order): Promise<T>
  /** SIGKILL. */
  kill(): Promise<void>
}

export async function startServant(options: ProcessOptions): Promise<Servant> {
  const child = fork(new URL('./house-process.ts', import.meta.url), [JSON.stringify(options)])
  const gone = once(child, 'exit').then(() => {
    throw new Error('The process has ended.')
  })
  gone.catch(() => {})
  await Promise.race([once(child, 'message'), gone])
  let last = 0
  return {
    async ask<T>(order: Order): Promise<T> {
      last += 1
      const answered = answerTo(child, last)
      child.send({ id: last, order })
      return (await Promise.race([answered, gone])) as T
    },
    kill: () => end(child),
    [Symbol.asyncDispose]: () => end(child),
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

function answerTo(child: ChildProcess, id: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const listen = (message: { id?: number; answer?: unknown; error?: string }) => {
      if (message.id !== id) return
      child.off('message', listen)
      if (message.error === undefined) resolve(message.answer)
      else reject(new Error(message.error))
    }
    child.on('message', listen)
  })
}
