import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { planHere } from '../../tools/install-radosgw.ts'
import { startRadosgw } from '../../tools/radosgw.ts'

const plan = await planHere()

describe.runIf(plan.kind === 'present')('a gateway for tests', () => {
  test('answers, and leaves nothing behind', { timeout: 300_000 }, async () => {
    const gateway = await startRadosgw()
    expect((await fetch(gateway.endpoint)).status).toBe(200)
    expect(gateway.pids).toHaveLength(3)
    expect(existsSync(gateway.folder)).toBe(true)
    await gateway.close()
    expect(gateway.pids.filter(isAlive)).toEqual([])
    expect(existsSync(gateway.folder)).toBe(false)
  })

  test('two at once do not disturb each other', { timeout: 300_000 }, async () => {
    const [one, other] = await Promise.all([startRadosgw(), startRadosgw()])
    await one.close()
    const answer = await fetch(other.endpoint)
    await other.close()
    expect(answer.status).toBe(200)
  })

  test.each(['SIGINT', 'SIGKILL'] as const)(
    'no process of it outlives its own by %s',
    { timeout: 300_000 },
    async (signal) => {
      const folder = mkdtempSync(join(tmpdir(), 'gateway-'))
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
      const tool = join(import.meta.dirname, '../../tools/radosgw.ts')
      const child = spawn(process.execPath, [tool], { env: { ...process.env, TMPDIR: folder } })
      const endpoint = await printedEndpoint(child)
      const daemons = childrenOf(child.pid ?? 0)
      expect(daemons).toHaveLength(3)
      child.kill(signal)
      await once(child, 'exit')
      await expect.poll(() => daemons.filter(isAlive)).toEqual([])
      await expect(fetch(endpoint)).rejects.toThrow()
    },
  )
})

async function printedEndpoint({ stdout }: ChildProcess): Promise<string> {
  let text = ''
  for await (const chunk of stdout ?? []) {
    text += chunk
    if (text.includes('\n}\n')) break
  }
  return JSON.parse(text).endpoint
}

/** proc(5): the fourth field of stat is the parent; the second, in parentheses, may hold spaces. */
function statOf(pid: number): { parent: number; state: string } | null {
  try {
    const [state = '', parent = ''] =
      readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return { parent: Number(parent), state }
  } catch {
    return null
  }
}

function childrenOf(parent: number): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map(Number).filter((pid) => statOf(pid)?.parent === parent)
}

function isAlive(pid: number): boolean {
  const stat = statOf(pid)
  return stat !== null && stat.state !== 'Z'
}
