import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { findCrossings } from '../../tools/check-boundaries.ts'
import { type ImportTable, ROOMS, type Room } from '../../tools/import-table.ts'
import { tree } from './tree.ts'

const ENVIRONMENT = ['apps/demo/src/start.ts']
const TABLE: ImportTable = { rooms: ROOMS, environment: ENVIRONMENT }
const ROWS: [string, Room][] = Object.entries(ROOMS)

/** The doors of the real packages, so that `@lunadefend/…` leads where it leads in the repository. */
const DOORS = Object.fromEntries(
  readdirSync('packages').map((name) => {
    const file = `packages/${name}/package.json`
    return [file, readFileSync(file, 'utf8')]
  }),
)

/** `file:line` of each crossed line in these files. */
function crossings(files: Readonly<Record<string, string>>, table = TABLE): string[] {
  const found = findCrossings(tree({ ...DOORS, ...files }), table)
  return found.filter(({ file }) => file in files).map(({ file, line }) => `${file}:${line}`)
}

const domain = 'packages/core/src/domain/grant.ts'
const crypto = 'packages/core/src/crypto/record.ts'
const ports = 'packages/core/src/ports.ts'
const operation = 'packages/core/src/operations/detokenize.ts'
const contract = 'packages/contract/src/calls.ts'
const messages = 'packages/contract/src/frame-messages.ts'
const suite = 'packages/core/src/port-contracts/other-process.ts'
const sqlite = 'packages/stores/src/sqlite/index.ts'
const route = 'packages/tokenizer/src/http/routes.ts'
const frame = 'packages/secure-frame/src/frame/field.ts'
const assets = 'packages/secure-frame/src/assets.ts'
const browser = 'packages/browser/src/index.ts'
const react = 'packages/react-sdk/src/form.tsx'
const node = 'packages/node-sdk/src/index.ts'

describe('refused', () => {
  test.each([
    ['contract: a package other than the schema library', contract, "import { z } from 'zod'"],
    ['contract: Node', contract, "import { readFileSync } from 'node:fs'"],
    ['frame messages: the schema library', messages, "import Type from 'typebox'"],
    ['frame messages: even the rest of contract', messages, "import type { TokenId } from './token-id.ts'"],
    ['domain: crypto', domain, "import { seal } from '../crypto/record.ts'"],
    ['domain: crypto, types alone', domain, "import type { Sealed } from '../crypto/record.ts'"],
    ["domain: Node's crypto", domain, "import { createHmac } from 'node:crypto'"],
    ["domain: Node's crypto, older name", domain, "import { createHmac } from 'crypto'"],
    ['domain: ports', domain, "import type { Clock } from '../ports.ts'"],
    ['domain: operations', domain, "import { detokenize } from '../operations/detokenize.ts'"],
    ['domain: the door of its own package', domain, "import { decide } from '../index.ts'"],
    ['domain: its own package by name', domain, "import { decide } from '@lunadefend/core'"],
    ['domain: an async function', domain, 'export async function decide() {}'],
    ['domain: an async arrow', domain, 'export const decide = async () => 1'],
    ['domain: an async method', domain, 'export const rules = { async decide() {} }'],
    ['domain: await', domain, 'export const a = await 1'],
    ['domain: a promise', domain, 'export const a = () => Promise.resolve(1)'],
    ['domain: the type of a promise', domain, 'export type A = Promise<number>'],
    ['domain: the clock', domain, 'export const now = () => Date.now()'],
    ['domain: the clock by a computed member', domain, "export const now = () => Date['now']()"],
    ['domain: the clock through globalThis', domain, 'export const now = () => globalThis.Date.now()'],
    ['domain: the date of today', domain, 'export const now = () => new Date()'],
    ['domain: the clock under another name', domain, 'const D = Date; export const now = () => new D()'],
    ['domain: performance', domain, 'export const now = () => performance.now()'],
    ['domain: a timer', domain, 'export const later = () => setTimeout(() => 1, 5)'],
    ['domain: chance', domain, 'export const a = () => Math.random()'],
    ['domain: WebCrypto', domain, 'export const a = () => crypto.randomUUID()'],
    ['crypto: domain', crypto, "import { decide } from '../domain/grant.ts'"],
    ['crypto: the types of ports', crypto, "import type { RootKeys } from '../ports.ts'"],
    ['crypto: another part of Node', crypto, "import { readFileSync } from 'node:fs'"],
    ['crypto: a package', crypto, "import { hkdf } from '@noble/hashes/hkdf'"],
    ['crypto: the clock', crypto, 'export const now = () => Date.now()'],
    ['ports: an implementation', ports, "import { decide } from './domain/grant.ts'"],
    [
      'ports: an inline type, which still loads the module',
      ports,
      "import { type A } from './domain/grant.ts'",
    ],
    ['operations: a store', operation, "import { openSqlite } from '@lunadefend/stores/sqlite'"],
    ['operations: a web framework', operation, "import type { FastifyRequest } from 'fastify'"],
    ['operations: key bytes', operation, "import { createHmac } from 'node:crypto'"],
    ['operations: the clock', operation, 'export const now = () => Date.now()'],
    ['sqlite: the Tokenizer', sqlite, "import { start } from '@lunadefend/tokenizer'"],
    ['sqlite: another driver', sqlite, "import pg from 'pg'"],
    ['sqlite: another adapter', sqlite, "import { s3 } from '../s3/index.ts'"],
    ['http: a store', route, "import { openSqlite } from '@lunadefend/stores/sqlite'"],
    ['http: the types of a store', route, "import type { Sqlite } from '@lunadefend/stores/sqlite'"],
    ['http: the service that builds it', route, "import { start } from '../service.ts'"],
    ['http: files', route, "import { readFileSync } from 'node:fs'"],
    ['frame: the schema library, through contract', frame, "import { LIMITS } from '@lunadefend/contract'"],
    ['frame: its own Node side', frame, "import { bundle } from '../assets.ts'"],
    ['frame: the types of its own Node side', frame, "import type { Bundle } from '../assets/bundle.ts'"],
    ['frame: core', frame, "import { presign } from '@lunadefend/core/sigv4'"],
    ['frame: a package', frame, "import { html } from 'lit'"],
    ['assets: the frame code that it bundles', assets, "import { field } from './frame/field.ts'"],
    ['browser: React', browser, "import type { ReactNode } from 'react'"],
    ['browser: the frame', browser, "import '@lunadefend/secure-frame/assets'"],
    ['react: messages to windows', react, "export const a = (w: Window) => w.postMessage(1, '*')"],
    ['react: messages from windows', react, "addEventListener('message', () => 1)"],
    ['react: a channel', react, 'export const a = new MessageChannel()'],
    ['react: contract', react, "import { LIMITS } from '@lunadefend/contract'"],
    ['node-sdk: a store', node, "import { openSqlite } from '@lunadefend/stores/sqlite'"],
    ['node-sdk: core', node, "import { decide } from '@lunadefend/core'"],
    ['node-sdk: Express itself', node, "import express from 'express'"],
    ['any package: testing', node, "import { start } from '@lunadefend/testing'"],
    ['any package: an application', node, "import { app } from '@lunadefend/demo'"],
    ['any package: an application by its path', node, "import { app } from '../../../apps/demo/src/app.ts'"],
    ['any package: tests by their path', node, "import { tree } from '../../../tests/tools/tree.ts'"],
    ['any package: its own tests', node, "import { a } from '../test/a.test.ts'"],
    ['any package: a file of another one', node, "import { LIMITS } from '../../contract/src/limits.ts'"],
    ['any package: a door that is none', node, "import { LIMITS } from '@lunadefend/contract/src/limits.ts'"],
    ['any package: an absolute path', node, "import { a } from '/etc/a.ts'"],
    ['any package: a URL', node, "import { a } from 'https://example.com/a.ts'"],
    ['the environment', node, 'export const a = process.env.A'],
    ['the environment by a computed member', node, "export const a = process['env']"],
    ['the environment through globalThis', node, 'export const a = globalThis.process?.env'],
    ['the environment by destructuring', node, 'const { env } = process; export { env }'],
    ['the environment by handing it on', node, 'export const a = () => JSON.stringify(process)'],
    ['the environment by import', node, "import { env } from 'node:process'; export { env }"],
    ['the environment of a bundler', browser, 'export const a = import.meta.env'],
  ])('%s', (_, file, text) => {
    expect(crossings({ [file]: `\n${text}\n` })).toContain(`${file}:2`)
    expect(crossings({ [file]: '\nexport {}\n' })).toEqual([])
  })

  test.each([
    ['import', "import { a } from 'zod'"],
    ['import for its effects', "import 'zod'"],
    ['import of everything', "import * as a from 'zod'"],
    ['import type', "import type { A } from 'zod'"],
    ['import over several lines', "import {\n  a,\n} from 'zod'"],
    ['import of a file inside', "import { a } from 'zod/deep/file.js'"],
    ['export from', "export { a } from 'zod'"],
    ['export everything from', "export * from 'zod'"],
    ['export type from', "export type { A } from 'zod'"],
    ['import at run time', "export const a = () => import('zod')"],
    ['import at run time, template', 'export const a = () => import(`zod`)'],
    ['import at run time, computed', 'export const a = (b: string) => import(b)'],
    ['type of an import', "export type A = import('zod').A"],
    ['import equals', "import a = require('zod')"],
    ['require', "export const a = require('zod')"],
    ['resolve', "export const a = import.meta.resolve('zod')"],
    ['builtin by a call', "export const a = process.getBuiltinModule('node:fs')"],
    ['a triple-slash reference', '/// <reference types="zod" />\nexport {}'],
    ['a file of another package by URL', "new URL('../../core/src/index.ts', import.meta.url)"],
  ])('in every form: %s', (_, text) => {
    expect(crossings({ [contract]: `\n${text}\n` })).toEqual([`${contract}:2`])
  })

  test('a file in no room, and a room with no file', () => {
    const rooms = { contract: ROOMS.contract, browser: ROOMS.browser }
    const root = tree({ [contract]: 'export {}', 'packages/common/src/index.ts': 'export {}' })
    const found = findCrossings(root, { rooms, environment: ['a.ts'] }).map(({ file }) => file)
    expect(found.sort()).toEqual(['a.ts', 'packages/browser/src/', 'packages/common/src/index.ts'])
  })

  test('a file that does not parse', () => {
    expect(() => crossings({ [contract]: 'import {' })).toThrow()
  })
})

describe('allowed', () => {
  test.each([
    ['contract: the schema library', contract, "import Type from 'typebox'"],
    ['contract: itself', contract, "export { LIMITS } from './limits.ts'"],
    ['domain: the words of contract', domain, "import type { TokenId } from '@lunadefend/contract'"],
    ['domain: turning a time into a date', domain, 'export const a = (s: number) => new Date(s * 1000)'],
    ['domain: names that only look like it', domain, 'export const a = { async: 1, Date: 2 }.Date'],
    ['domain: a time that is handed in', domain, 'export const a = (t: { now: number }) => t.now'],
    ['domain: words in text and comments', domain, "// await Date.now()\nexport const a = 'process.env'"],
    ["crypto: Node's crypto", crypto, "import { createHmac } from 'node:crypto'"],
    ['ports: the types of the rules', ports, "import type { Grant } from './domain/grant.ts'"],
    ['operations: the floors below', operation, "import { decide } from '../domain/grant.ts'"],
    ['contract suites: an adapter by its name', suite, 'export const a = (b: string) => import(b)'],
    ['sqlite: its one driver', sqlite, "import { DatabaseSync } from 'node:sqlite'"],
    ['http: the framework and core', route, "import fastify from 'fastify'\nimport '@lunadefend/core'"],
    ['frame: its messages', frame, "import { parseConnect } from '@lunadefend/contract/frame-messages'"],
    ['frame: types of contract', frame, "import type { Data } from '@lunadefend/contract'"],
    ['frame: messages to windows', frame, "addEventListener('message', () => 1)"],
    ['assets: naming the files that it bundles', assets, "new URL('./frame/field.ts', import.meta.url)"],
    ['react: React and browser', react, "import 'react'\nimport '@lunadefend/browser'"],
    ['react: events of its own', react, "addEventListener('focus', () => <b>hello</b>)"],
    ['node-sdk: the types of Express', node, "import type { Request } from 'express'"],
    ['testing: anything', 'packages/testing/src/index.ts', "import '@lunadefend/tokenizer'\nimport 'zod'"],
    ['the environment in its one file', ENVIRONMENT[0] ?? '', 'export const a = process.env.A'],
    ['something else that is called process', node, 'export const a = (process: { id: 1 }) => process.id'],
    ['another member of process', node, 'export const a = process.version'],
  ])('%s', (_, file, text) => {
    expect(crossings({ [file]: text })).toEqual([])
  })
})

describe('the table', () => {
  const names = ROWS.map(([name]) => name)

  test('a row names only rows above it, so that there are no cycles', () => {
    for (const [index, [, { may, types = [] }]] of ROWS.entries()) {
      const rooms = [...(may === 'anything' ? [] : may), ...types].filter((name) => name.startsWith('#'))
      for (const room of rooms) expect(names.slice(0, index)).toContain(room.slice(1))
    }
  })

  test('no room imports a higher one, not even its types', () => {
    const fileOf = ([, { at }]: [string, Room]) => (at[0]?.endsWith('/') ? `${at[0]}a.ts` : (at[0] ?? ''))
    for (const [index, low] of ROWS.entries()) {
      if (low[1].may === 'anything') continue
      const higher = ROWS.slice(index + 1).filter(
        (row) => fileOf(row).split('/')[1] === fileOf(low).split('/')[1],
      )
      const depth = fileOf(low).split('/').length - 1
      const lines = higher.map((row) => `import type { A } from '${'../'.repeat(depth)}${fileOf(row)}'`)
      expect(crossings({ [fileOf(low)]: `${lines.join('\n')}\nexport {}` })).toHaveLength(lines.length)
    }
  })
})
