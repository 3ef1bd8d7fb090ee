import { expect, test, vi } from 'vitest'
import { folder, moduleOf, open, question } from './policies.ts'

test('an authorizer finds no environment, no arguments, no input and none of our modules in its memory', async () => {
  const body = `
    const found = Object.keys(process.env).length + process.argv.length - 2 + process.execArgv.filter((arg) => !/^--(?:permission|allow-fs-read)/.test(arg)).length
    const input = await new Promise((done) => process.stdin.on('end', () => done(0)).on('data', () => done(1)).resume())
    return found + input === 0 && globalThis.planted === undefined ? deny('finds-nothing') : deny('finds-something')`
  Object.assign(globalThis, { planted: 'a key' })
  await using files = await folder({ 'a.ts': moduleOf(body) })
  await using opened = await open({ typescript: files.at('a.ts'), timeoutMs: 2000 })
  expect(await opened.ask(question())).toMatchObject({ policy: 'finds-nothing' })
})

const ATTEMPTS = {
  'the environment of the process': 'fs.readFileSync("/proc/self/environ")',
  'the memory of the process': 'fs.openSync("/proc/self/mem", "r")',
  'a file elsewhere': 'fs.readFileSync(new URL("../settings.json", import.meta.url))',
  'writing beside itself': 'fs.writeFileSync(new URL("x", import.meta.url), "")',
  'another process': '(await import("node:child_process")).execFileSync("true")',
  'another thread': 'new (await import("node:worker_threads")).Worker("1", { eval: true })',
  'a debugger': '(await import("node:inspector")).open(0)',
  'native code': 'process.dlopen({ exports: {} }, "a.node")',
  'an image of the memory': 'process.report.writeReport("r.json")',
}

test('it may read its own folder, and not the rest of the machine', async () => {
  const attempts = Object.entries(ATTEMPTS).map(
    ([name, code]) => `try { ${code}; could.push('${name}') } catch (error) { codes.add(error.code) }`,
  )
  const body = `const could = [], codes = new Set(), fs = await import('node:fs')
    ${attempts.join('\n')}
    if (fs.readFileSync(new URL('own.json', import.meta.url), 'utf8') !== '{}') could.push('not its own')
    return could.length === 0 ? deny([...codes].sort().join('.')) : deny(could.join('-').replaceAll(' ', '-').slice(0, 60))`
  await using files = await folder({
    'own/a.ts': moduleOf(body),
    'own/own.json': '{}',
    'settings.json': '{}',
  })
  await using opened = await open({ typescript: files.at('own/a.ts'), timeoutMs: 10_000 })
  expect(await opened.ask(question())).toMatchObject({ policy: 'ERR_ACCESS_DENIED.ERR_DLOPEN_DISABLED' })
})

test('what it prints goes nowhere, what it is told it cannot change, and no question sees another', async () => {
  const body = `
    console.log('printed ' + actor.subject); process.stderr.write('printed')
    try { actor.subject = 'bob'; return deny('changed') } catch { return metadata.nested.list.length === 1 ? allow() : deny('other') }`
  const written: unknown[] = []
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((chunk) => written.push(chunk) > 0)
  await using files = await folder({ 'a.ts': moduleOf(body) })
  await using opened = await open({ typescript: files.at('a.ts') })
  const metadata = { nested: { list: [1] } }
  const verdicts = await opened.authorizers.decide([question({ metadata }), question({ metadata })])
  vi.restoreAllMocks()
  expect(verdicts).toEqual([1, 2].map(() => ({ kind: 'allow', policy: null })))
  expect(written.join('')).not.toContain('printed')
})

test('in a batch of a thousand only the question that hangs is denied', async () => {
  const body = 'if (context.purpose === "hang") for (;;) {} return allow()'
  await using files = await folder({ 'a.ts': moduleOf(body) })
  await using opened = await open({ typescript: files.at('a.ts') })
  const batch = Array.from({ length: 1000 }, (_, index) =>
    question({ context: { purpose: index === 500 ? 'hang' : null } }),
  )
  const single = opened.ask(question())
  const verdicts = await opened.authorizers.decide(batch)
  expect(verdicts).toHaveLength(1000)
  expect(verdicts.flatMap(({ kind }, index) => (kind === 'allow' ? [] : [index]))).toEqual([500])
  expect(verdicts[500]).toEqual({ kind: 'deny', policy: 'engine:timeout' })
  expect(await single).toMatchObject({ kind: 'allow' })
  expect(opened.events).toContainEqual({
    ...{ event: 'authorizer-ended', set: 'live', form: 'typescript', cause: 'timeout' },
  })
})

test('authorizers that are closed deny, and whoever still waits is told', async () => {
  await using files = await folder({ 'a.ts': moduleOf('return new Promise(() => undefined)') })
  const opened = await open({ typescript: files.at('a.ts'), timeoutMs: 10_000 })
  const waiting = opened.ask(question())
  await opened[Symbol.asyncDispose]()
  expect(await waiting).toEqual({ kind: 'deny', policy: 'engine:died' })
  expect(await opened.ask(question())).toEqual({ kind: 'deny', policy: 'engine:died' })
})
