/**
 * Runs as a process of its own, for the suite of the port `Limiter`: prints a line when it is ready, waits until it is
 * let go, then races as it is told, and prints for every call that was let through when it came and what it took.
 *
 *   limiter-process <module> <where> <name of the race> <callers>
 */
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import type { Limiter } from '../ports.ts'
import { RACES, type Race } from './limiter-races.ts'

const [module = '', where = '', name = '', callers = ''] = process.argv.slice(2)
const { connect } = (await import(module)) as { connect(where: string): Promise<Limiter> }
const limiter = await connect(where)
const race: Race = RACES[name as keyof typeof RACES]
await limiter.sweep(null, 1, 0)
writeSync(1, 'ready\n')
process.stdin.resume()
await once(process.stdin, 'end')
const lines = await race(limiter, Number(callers))
writeSync(1, `${lines.join('\n')}\n`)
await limiter[Symbol.asyncDispose]()
