import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Order, ProcessOptions } from './house-process.ts'

/** Another process over the same house, which does what it is told and can be killed for real. */
export interface Servant extends AsyncDisposable {
  /** Rejects when the process dies before it has answered. */
  ask<T>(order: Order): Promise<T>
  /** SIGKILL. */
  kill(): Promise<void>
}

export function startServant(options: ProcessOptions): Promise<Servant> {
  return serve(fork(PROCESS, [JSON.stringify(options)]))
}

/** One that cannot write files of more than so many bytes, as on a disk that is full. */
export function startCrampedServant(options: ProcessOptions, bytes: number): Promise<Servant> {
  // Without the signal, which would end the process, the write fails (setrlimit(2), RLIMIT_FSIZE).
  const command = `trap '' XFSZ; ulimit -f ${Math.floor(bytes / 1024)}; exec "$@"`
  const args = ['-c', command, 'bash', process.execPath, PROCESS.pathname, JSON.stringify(options)]
  return serve(spawn('bash', args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }))
}

const PROCESS = new URL('./house-process.ts', import.meta.url)

async function serve(child: ChildProcess): Promise<Servant> {
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
