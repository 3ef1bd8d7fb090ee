import { expect, test, vi } from 'vitest'
import { folder, moduleOf, open, question } from './policies.ts'

test('an authorizer finds no environment, no arguments, no input and none of our modules in its memory', async () => {
  const body = `
    const found = Object.keys(process.env).length + process.argv.length - 2 + process.execArgv.length
    const input = await new Promise((done) => process.stdin.on('end', () => done(0)).on('data', () => done(1)).resume())
    return found + input === 0 && globalThis.planted === undefined ? deny('finds-nothing') : deny('finds-something')`
  Object.assign(globalThis, { planted: 'a key' })
  await using files = await folder({ 'a.ts': moduleOf(body) })
  await using opened = await open({ typescript: files.at('a.ts'), timeoutMs: 2000 })
  expect(await opened.ask(question())).toMatchObject({ policy: 'finds-nothing' })
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
