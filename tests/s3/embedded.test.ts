import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RunningObjectStore, startObjectStore } from '@lunadefend/object-store'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CASES, conformance } from './conformance.ts'
import { EMBEDDED_DEPARTURES, RADOSGW_DEPARTURES } from './departures.ts'
import { closeLabs } from './lab.ts'
import { ORIGIN } from './target.ts'

const settings = {
  bucket: 'lunadefend',
  region: 'us-east-1',
  credentials: { accessKeyId: 'LUNADEFENDTESTS', secretAccessKey: randomBytes(20).toString('hex') },
}
const failures: unknown[] = []
let directory: string
let store: RunningObjectStore

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'conformance-'))
  store = await startObjectStore({
    ...{ ...settings, directory, port: 0, corsOrigins: [ORIGIN], masterKey: randomBytes(32) },
    onFailure: (error) => failures.push(error),
  })
})

afterAll(async () => {
  closeLabs()
  await store?.close()
  await rm(directory, { recursive: true, force: true })
  expect(failures).toEqual([])
})

describe('the embedded store', () => {
  conformance(() => ({ ...settings, endpoint: store.url }), EMBEDDED_DEPARTURES)
})

describe('the list of cases', () => {
  const names = CASES.map(([name]) => name)

  test('names each case once', () => {
    expect(new Set(names).size).toBe(names.length)
  })

  test.each([EMBEDDED_DEPARTURES, RADOSGW_DEPARTURES])(
    'departures are from a case, and are none of what it documents',
    (departures) => {
      const rows = Object.values(departures).flatMap((group) => Object.entries(group))
      expect(new Set(rows.map(([name]) => name)).size).toBe(rows.length)
      for (const [name, really] of rows) {
        const row = CASES.find(([other]) => other === name)
        expect(row, name).toBeDefined()
        expect(really, name).not.toEqual(row?.[1])
      }
    },
  )
})
