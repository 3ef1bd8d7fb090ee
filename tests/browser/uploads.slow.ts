import { createHash } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { readdir, readFile as readText, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { startRealStage } from '../../packages/browser/test/real-stage.ts'
import { sdkBundle, until } from '../../packages/browser/test/stage.ts'
import {
  choose,
  MIB,
  openForm,
  tokensOf,
  untilTokens,
  writeLargeFile,
} from '../../packages/browser/test/upload-stage.ts'

const GIB = 1024 * MIB
const PATIENCE_MS = 1_500_000
/** What the browser's processes may grow by. Each part under way is 16 MiB, three of them at a time. */
const MOST_MEMORY = 400 * MIB

const folder = mkdtempSync(join(tmpdir(), 'uploads-'))
const path = join(folder, 'five.bin')
const bytes = 5 * GIB
const hash = writeLargeFile(path, bytes)
afterAll(() => rm(folder, { recursive: true }))

test.each(['store', 'require-end-to-end'] as const)(
  'a file of 5 GB arrives whole with the network cut three times, in constant memory (%s)',
  async (protection) => {
    await using stage = await startRealStage(sdkBundle(), protection)
    const opened = await openForm(stage)
    await choose(opened, path)
    for (const gib of [1, 2, 3.5]) stage.line.cutAfter(gib * GIB, 2000)
    await until(() => stage.line.sent(), PATIENCE_MS).toBeGreaterThan(GIB / 4)
    const before = await memoryOfBrowser()
    let most = before
    while ((await tokensOf(opened)).length === 0) {
      most = Math.max(most, await memoryOfBrowser())
      await opened.page.waitForTimeout(1000)
    }
    const [token = ''] = await untilTokens(opened, 1)
    expect(stage.line.cuts()).toBe(3)
    expect(most - before).toBeLessThan(MOST_MEMORY)
    const sid = stage.client.sid('login-1')
    await stage.client.grants.verify(sid, token)
    await stage.client.grants.create(sid, token)
    const found = createHash('sha256')
    let left = 1024
    for await (const piece of await stage.client.detokenizeStream(sid, token)) {
      found.update(piece.subarray(left))
      left = Math.max(0, left - piece.length)
    }
    expect(found.digest('hex')).toBe(hash)
  },
)

/** Memory that Chromium's processes have for themselves, in bytes: those that this process has started. */
async function memoryOfBrowser(): Promise<number> {
  const parents = new Map<number, number>()
  for (const name of await readdir('/proc')) {
    const stat = /^\d+$/.test(name) ? await readText(`/proc/${name}/stat`, 'utf8').catch(() => '') : ''
    const parent = /^\d+ \(.*\) \w (\d+)/.exec(stat)?.[1]
    if (parent !== undefined) parents.set(Number(name), Number(parent))
  }
  const isOurs = (id: number): boolean => {
    const parent = parents.get(id)
    return parent !== undefined && (parent === process.pid || isOurs(parent))
  }
  const sizes = [...parents.keys()].filter(isOurs).map(async (id) => {
    const status = await readText(`/proc/${id}/status`, 'utf8').catch(() => '')
    return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
  })
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}
