import { rename } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { folder, moduleOf, open, question } from './policies.ts'

const permit = (id: string) => `@id("${id}") permit(principal, action, resource);`
const DEEP = `@id("a") permit(principal, action, resource) when { ${'('.repeat(20_000)}true${')'.repeat(20_000)} };`
const READS_METADATA = '@id("m") permit(principal, action, resource) when { resource has metadata };'

test('a change takes effect; one that is wrong is reported, and the version before it goes on', async () => {
  await using files = await folder({ 'a.cedar': permit('first') })
  await using opened = await open({ cedar: files.path })
  const decided = async () => (await opened.ask(question()))?.policy
  const heard = (event: string) => opened.events.filter((each) => each.event === event)
  expect(await decided()).toBe('first')
  await files.write('a.cedar', permit('second'))
  await expect.poll(decided).toBe('second')
  for (const [wrong, problem] of [
    ['permit(', 'line 1'],
    ['', 'there is no policy'],
    [READS_METADATA, 'readMetadata'],
  ] as const) {
    const before = heard('policies-refused').length
    await files.write('a.cedar', wrong)
    await expect.poll(() => JSON.stringify(heard('policies-refused').slice(before))).toContain(problem)
    expect(await decided()).toBe('second')
  }
  await rename(files.path, `${files.path}-away`)
  await expect.poll(() => JSON.stringify(heard('policies-refused').at(-1))).toContain('ENOENT')
  expect(await decided()).toBe('second')
  await rename(`${files.path}-away`, files.path)
  await files.write('a.cedar', permit('third'))
  await expect.poll(decided).toBe('third')
  expect(heard('policies-loaded')).toHaveLength(3)
  expect(heard('policies-refused')).toHaveLength(4)
})

test('under load each batch is answered by one version, and every question is answered', async () => {
  const version = (name: string) =>
    ['detokenize', 'tokenize', 'setGrant']
      .map((action) => `@id("${name}-${action}") permit(principal, action == Action::"${action}", resource);`)
      .join('\n')
  await using files = await folder({ 'a.cedar': version('v0') })
  await using opened = await open({ cedar: files.path })
  const batch = Array.from({ length: 100 }, (_, index) =>
    question({ action: (['detokenize', 'tokenize', 'set-grant'] as const)[index % 3] as 'tokenize' }),
  )
  const seen = new Set<string>()
  let isOver = false
  const load = async () => {
    while (!isOver) {
      const verdicts = await opened.authorizers.decide(batch)
      expect(verdicts.filter(({ kind }) => kind !== 'allow')).toEqual([])
      const versions = new Set(verdicts.map(({ policy }) => policy?.split('-')[0] ?? 'none'))
      expect(versions.size).toBe(1)
      for (const each of versions) seen.add(each)
    }
  }
  const loads = [load(), load(), load()]
  for (const name of ['v1', 'v2', 'v3']) {
    await files.write('a.cedar', version(name))
    await expect.poll(() => seen.has(name)).toBe(true)
  }
  isOver = true
  await Promise.all(loads)
  expect([...seen]).toEqual(['v0', 'v1', 'v2', 'v3'])
})

test.each([
  ['policies that are wrong', { 'a.cedar': 'permit(' }, {}, 'line 1'],
  ['policies that are nested too deeply', { 'a.cedar': DEEP }, {}, 'cannot be read by Cedar'],
  ['an empty folder', {}, {}, 'there is no policy'],
  [
    'metadata that are not to be read',
    { 'a.cedar': READS_METADATA },
    { readMetadata: false },
    'readMetadata',
  ],
])('a start with %s is refused', async (_, files, settings, problem) => {
  await using written = await folder(files)
  await expect(open({ cedar: written.path, ...settings })).rejects.toMatchObject({
    name: 'NotStarted',
    problems: [expect.stringContaining(problem)],
  })
})

test.each([
  ['no authorizer', 'export default 1', 'defineAuthorizer'],
  ['an error', 'throw new TypeError("no such thing")', 'TypeError: no such thing'],
  ['no end of memory', 'const all = []; for (;;) all.push(new Array(1e5).fill({}))', 'memory'],
  ['an exit', 'process.exit(0)', 'ended while it was loaded'],
])('a start with a module of %s is refused', async (_, text, problem) => {
  await using files = await folder({ 'a.mjs': text })
  await expect(open({ typescript: files.at('a.mjs'), memoryMb: 32 })).rejects.toMatchObject({
    problems: [expect.stringContaining(problem)],
  })
})

test('Cedar and TypeScript together allow what both allow', async () => {
  await using files = await folder({
    'a.cedar': `${permit('all')} @id("closed") forbid(principal, action, resource) when { context.hour < 9 };`,
    'a.ts': moduleOf('return context.full ? deny("not-now") : mask({ show: "last", count: 4 })'),
  })
  await using opened = await open({ cedar: files.at('a.cedar'), typescript: files.at('a.ts') })
  expect(opened.authorizers.readsMetadata).toBe(true)
  expect(await opened.ask(question())).toMatchObject({ kind: 'mask', mask: { count: 4 } })
  expect(await opened.ask(question({ context: { full: true } }))).toEqual({ kind: 'deny', policy: 'not-now' })
  const night = question({ context: { now: Date.UTC(2026, 2, 2, 3) } })
  expect(await opened.ask(night)).toEqual({ kind: 'deny', policy: 'closed' })
})
