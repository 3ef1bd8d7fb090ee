/**
 * ListObjectsV2.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
 */
import { createHash } from 'node:crypto'
import type { Case } from '../case.ts'
import { type Lab, said, tags } from '../lab.ts'
import type { Seen } from '../target.ts'

const NAMES = ['a', 'a/1', 'a/2', 'b', 'b c', 'd/e/1', 'z', 'Ä', '中', '🌙'] as const

interface Page {
  readonly keys: string[]
  readonly folders: string[]
  readonly body: Buffer
  /** The text of an element of the list itself; `null` when there is none. */
  readonly says: (name: string) => string | null
}

/** One page of the case's own folder; names without the folder. */
async function list(lab: Lab, query: Readonly<Record<string, string>> = {}): Promise<Page> {
  const prefix = lab.folder + (query['prefix'] ?? '')
  const answer = await lab.byUrl('GET', null, { query: { 'list-type': '2', ...query, prefix } })
  if (answer.status !== 200) throw new Error(`there is no list: ${said(answer)}`)
  const inFolder = (name: string) => name.slice(lab.folder.length)
  return {
    keys: tags(answer.body, 'Contents').map((object) => inFolder(tags(object, 'Key')[0] ?? '')),
    folders: tags(answer.body, 'CommonPrefixes').map((common) => inFolder(tags(common, 'Prefix')[0] ?? '')),
    body: answer.body,
    says: (name) => tags(answer.body, name)[0] ?? null,
  }
}

async function storeAll(lab: Lab, names: readonly string[] = NAMES): Promise<void> {
  await Promise.all(names.map((name) => lab.byUrl('PUT', lab.folder + name, { body: name })))
}

/** What a list of {@link NAMES} says. */
function listed(query: Readonly<Record<string, string>>, see: (page: Page) => Seen): Case[2] {
  return async (lab) => {
    await storeAll(lab)
    return see(await list(lab, query))
  }
}

/** All pages, each of so many entries. */
async function pages(lab: Lab, size: number, query: Readonly<Record<string, string>> = {}): Promise<Seen[]> {
  const all: Seen[] = []
  let next: Record<string, string> = {}
  for (;;) {
    const page = await list(lab, { ...query, 'max-keys': String(size), ...next })
    all.push([...page.keys, ...page.folders])
    const token = page.says('NextContinuationToken')
    if (token === null || all.length > 20) return all
    next = { 'continuation-token': token }
  }
}

function refused(query: Readonly<Record<string, string>>): Case[2] {
  return async (lab) => said(await lab.byUrl('GET', null, { query: { 'list-type': '2', ...query } }))
}

export const listCases: readonly Case[] = [
  ['lists: keys in the order of their UTF-8 bytes', [...NAMES], listed({}, ({ keys }) => keys)],
  [
    'lists: nothing',
    [[], '0', 'false', null],
    async (lab) => {
      const page = await list(lab)
      return [page.keys, page.says('KeyCount'), page.says('IsTruncated'), page.says('NextContinuationToken')]
    },
  ],
  [
    'lists: each object with size, ETag, date and class',
    ['5', true, true, 'STANDARD'],
    async (lab) => {
      await storeAll(lab, ['value'])
      const { says } = await list(lab)
      const etag = `"${createHash('md5').update('value').digest('hex')}"`
      return [
        says('Size'),
        says('ETag') === etag,
        /^\d{4}-\d\d-\d\dT[\d:]+\.\d{3}Z$/.test(says('LastModified') ?? ''),
        says('StorageClass'),
      ]
    },
  ],
  [
    'lists: name, count and limit of the list',
    [true, '10', '1000', 'false'],
    async (lab) => {
      await storeAll(lab)
      const { says } = await list(lab)
      return [says('Name') === lab.target.bucket, says('KeyCount'), says('MaxKeys'), says('IsTruncated')]
    },
  ],
  ['lists: a prefix', ['a', 'a/1', 'a/2'], listed({ prefix: 'a' }, ({ keys }) => keys)],
  ['lists: a prefix with a slash', ['a/1', 'a/2'], listed({ prefix: 'a/' }, ({ keys }) => keys)],
  ['lists: a prefix that nothing has', [], listed({ prefix: 'x' }, ({ keys }) => keys)],
  [
    'lists: a delimiter makes folders',
    [['a', 'b', 'b c', 'z', 'Ä', '中', '🌙'], ['a/', 'd/'], '9'],
    listed({ delimiter: '/' }, ({ keys, folders, says }) => [keys, folders, says('KeyCount')]),
  ],
  [
    'lists: a delimiter below a prefix',
    [[], ['d/e/']],
    listed({ delimiter: '/', prefix: 'd/' }, ({ keys, folders }) => [keys, folders]),
  ],
  [
    'lists: a delimiter of several characters',
    [
      ['a', 'b', 'b c', 'z', 'Ä', '中', '🌙'],
      ['a/', 'd/e/'],
    ],
    async (lab) => {
      await storeAll(lab, ['a', 'a/--x', 'b', 'b c', 'd/e/--1', 'z', 'Ä', '中', '🌙'])
      const { keys, folders } = await list(lab, { delimiter: '--' })
      return [keys, folders.map((folder) => folder.replace('--', ''))]
    },
  ],
  [
    'lists: start after a key',
    ['z', 'Ä', '中', '🌙'],
    async (lab) => {
      await storeAll(lab)
      return (await list(lab, { 'start-after': `${lab.folder}d/e/1` })).keys
    },
  ],
  [
    'lists: start after a key that there is not',
    ['z', 'Ä', '中', '🌙'],
    async (lab) => {
      await storeAll(lab)
      return (await list(lab, { 'start-after': `${lab.folder}e` })).keys
    },
  ],
  [
    'lists: in pages',
    [
      ['a', 'a/1', 'a/2', 'b'],
      ['b c', 'd/e/1', 'z', 'Ä'],
      ['中', '🌙'],
    ],
    async (lab) => {
      await storeAll(lab)
      return pages(lab, 4)
    },
  ],
  [
    'lists: in pages that end with the last key',
    [
      ['a', 'a/1', 'a/2', 'b', 'b c'],
      ['d/e/1', 'z', 'Ä', '中', '🌙'],
    ],
    async (lab) => {
      await storeAll(lab)
      return pages(lab, 5)
    },
  ],
  [
    'lists: in pages, each folder once',
    [['a', 'a/'], ['b', 'b c'], ['z', 'd/'], ['Ä', '中'], ['🌙']],
    async (lab) => {
      await storeAll(lab)
      return pages(lab, 2, { delimiter: '/' })
    },
  ],
  [
    'lists: in pages, from a start',
    [['d/e/1', 'z'], ['Ä', '中'], ['🌙']],
    async (lab) => {
      await storeAll(lab)
      return pages(lab, 2, { 'start-after': `${lab.folder}b c` })
    },
  ],
  [
    'lists: a page says that there is more',
    ['true', '3', '3', true],
    listed({ 'max-keys': '3' }, ({ says }) => [
      says('IsTruncated'),
      says('KeyCount'),
      says('MaxKeys'),
      says('NextContinuationToken') !== null,
    ]),
  ],
  [
    'lists: of no keys at all',
    [[], 'false', '0'],
    listed({ 'max-keys': '0' }, ({ keys, says }) => [keys, says('IsTruncated'), says('MaxKeys')]),
  ],
  [
    'lists: of more than a thousand is of a thousand',
    '1000',
    listed({ 'max-keys': '5000' }, ({ says }) => says('MaxKeys')),
  ],
  ['lists: a limit that is no number', '400 InvalidArgument', refused({ 'max-keys': 'all' })],
  ['lists: a negative limit', '400 InvalidArgument', refused({ 'max-keys': '-1' })],
  ['lists: a continuation that is none', '400 InvalidArgument', refused({ 'continuation-token': '!' })],
  ['lists: an encoding that is none', '400 InvalidArgument', refused({ 'encoding-type': 'base64' })],
  [
    'lists: names encoded for a URL',
    ['a b%2Bc%26', 'url'],
    async (lab) => {
      await storeAll(lab, ['a b+c&'])
      const { body, says } = await list(lab, { 'encoding-type': 'url' })
      // A space is %20 or +, and decodes to the same.
      const [name = ''] = tags(tags(body, 'Contents')[0] ?? '', 'Key')
      return [name.replace(/\+|%20/g, ' ').slice(-'a b%2Bc%26'.length), says('EncodingType')]
    },
  ],
  [
    'lists: a name that XML must escape',
    ['<a&b>"\''],
    async (lab) => {
      await storeAll(lab, ['<a&b>"\''])
      return (await list(lab)).keys
    },
  ],
  [
    'lists: no owner unless it is asked for',
    [false, true],
    async (lab) => {
      await storeAll(lab, ['a'])
      const pages = [await list(lab), await list(lab, { 'fetch-owner': 'true' })]
      return pages.map(({ says }) => says('Owner') !== null)
    },
  ],
  [
    'lists: a deleted object is gone from it',
    ['b'],
    async (lab) => {
      await storeAll(lab, ['a', 'b'])
      await lab.byUrl('DELETE', `${lab.folder}a`)
      return (await list(lab)).keys
    },
  ],
  [
    'lists: an upload that is not complete is not in it',
    [],
    async (lab) => {
      await lab.byUrl('POST', lab.key(), { query: { uploads: '' } })
      return (await list(lab)).keys
    },
  ],
  [
    'lists: of a bucket that there is not',
    '404 NoSuchBucket',
    async (lab) => {
      const target = { ...lab.target, bucket: 'no-such-bucket-anywhere' }
      const sign = { path: `/${target.bucket}` }
      return said(await lab.byUrl('GET', null, { query: { 'list-type': '2' }, sign }))
    },
  ],
  [
    'buckets: keep no versions unless they are told to',
    ['200', 0],
    async (lab) => {
      const answer = await lab.byUrl('GET', null, { query: { versioning: '' } })
      return [said(answer), tags(answer.body, 'Status').length]
    },
  ],
  ['buckets: HEAD of the bucket', '200', async (lab) => said(await lab.byUrl('HEAD', null))],
  [
    'buckets: HEAD of one that there is not',
    '404',
    async (lab) => said(await lab.byUrl('HEAD', null, { sign: { path: '/no-such-bucket-anywhere' } })),
  ],
]
