import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { COMPONENTS, type Component } from '@lunadefend/contract/frame-messages'
import { build } from 'esbuild'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildFrameAssets, frameHeaders, renderFramePage } from '../src/assets.ts'

const assets = await buildFrameAssets()
const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const NONCE = 'AAAAAAAAAAAAAAAAAAAAAA=='
const about = {
  component: 'input',
  origins: ['https://app.example', 'http://localhost:3000'],
  objectStoreOrigin: 'https://bucket.s3.eu-central-1.amazonaws.com',
  nonce: NONCE,
} as const
const page = { ...about, assets, app: 'demo' }
/** Of each script in KiB, compressed with gzip: the base and what the component adds. */
const BUDGETS = {
  input: 16,
  'masked-input': 18,
  textarea: 15,
  select: 15,
  radio: 15,
  checkbox: 15,
  paragraph: 15,
  upload: 22,
  image: 15,
  download: 15,
  table: 16,
} satisfies Record<Component, number>

test('the base fits into its budget', async () => {
  const contents = "import { start } from './start.ts'; start(() => ({}))"
  const resolveDir = fileURLToPath(new URL('../src/frame', import.meta.url))
  const { outputFiles } = await build({
    stdin: { contents, resolveDir },
    bundle: true,
    minify: true,
    write: false,
    target: 'es2022',
  })
  const size = gzipSync(outputFiles[0]?.contents ?? new Uint8Array()).length
  expect(size).toBeGreaterThan(1024)
  expect(size).toBeLessThanOrEqual(15 * 1024)
})

describe.each(COMPONENTS)('files of %s', (component) => {
  const { script, style } = assets.components[component]

  test('are named by what is in them, and the integrity is that of the bytes', () => {
    for (const { path, integrity } of [script, style]) {
      const body = assets.files.get(path)?.body ?? new Uint8Array()
      expect(path).toMatch(new RegExp(`^/frame/${component}\\.[0-9a-f]{16}\\.(js|css)$`))
      expect(integrity).toBe(`sha384-${createHash('sha384').update(body).digest('base64')}`)
    }
    expect(assets.files.get(script.path)?.contentType).toBe('text/javascript; charset=utf-8')
    expect(assets.files.get(style.path)?.contentType).toBe('text/css; charset=utf-8')
  })

  test('fit into the budget', () => {
    const body = assets.files.get(script.path)?.body
    expect(body).toBeDefined()
    const size = gzipSync(body ?? '').length / 1024
    expect(size).toBeLessThanOrEqual(BUDGETS[component])
    // What the documents say of it is so, to a KiB.
    const [, told, budget] =
      new RegExp(`^\\| \`${component}\` \\| ([\\d.]+) \\| (\\d+) \\|$`, 'm').exec(README) ?? []
    expect(Number(budget)).toBe(BUDGETS[component])
    expect(Math.abs(Number(told) - size)).toBeLessThan(1)
  })

  test('load nothing, write nothing to the console, make no HTML', () => {
    const text = [script, style].map(({ path }) => Buffer.from(assets.files.get(path)?.body ?? []).toString())
    for (const word of ['console.', 'innerHTML', 'insertAdjacentHTML', 'document.write', 'eval(', 'import(', '@import', 'url(', 'importScripts', 'postMessage(*', ',"*"']) // biome-ignore format: one line
      expect(text.join('\n')).not.toContain(word)
  })
})

test('two builds of the same sources are the same', async () => {
  const again = await buildFrameAssets()
  expect([...again.files.keys()].sort()).toEqual([...assets.files.keys()].sort())
})

describe('headers', () => {
  const headers = frameHeaders({ ...about, https: true })

  test('are exactly these', () => {
    const { 'permissions-policy': permissions = '', ...rest } = headers
    expect(rest).toEqual({
      'content-security-policy': [
        "default-src 'none'",
        `script-src 'nonce-${NONCE}'`,
        `style-src 'nonce-${NONCE}'`,
        "connect-src 'self' https://bucket.s3.eu-central-1.amazonaws.com",
        'frame-ancestors https://app.example http://localhost:3000',
        "base-uri 'none'",
        "form-action 'none'",
        "object-src 'none'",
        "frame-src 'none'",
        'sandbox allow-scripts allow-same-origin',
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
      ].join('; '),
      'cross-origin-resource-policy': 'cross-origin',
      'cross-origin-embedder-policy': 'require-corp',
      'cross-origin-opener-policy': 'same-origin',
      'origin-agent-cluster': '?1',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      'strict-transport-security': 'max-age=63072000',
    })
    expect(permissions.split(', ').every((each) => /^[a-z-]+=\(\)$/.test(each))).toBe(true)
    expect(permissions).toContain('clipboard-read=()')
  })

  test('give each component what it needs, and no other', () => {
    const of = (component: Component) => frameHeaders({ ...about, component, https: true })
    const told = COMPONENTS.map((component) => {
      const { 'content-security-policy': policy = '', 'permissions-policy': permissions = '' } = of(component)
      const has = [
        policy.includes('img-src blob:;') && 'pictures',
        policy.includes('sandbox allow-scripts allow-same-origin allow-downloads;') && 'downloads',
        permissions.includes('clipboard-write=(self)') && 'clipboard',
      ]
      expect(permissions.replace('clipboard-write=(self)', '')).not.toContain('self')
      expect(policy.replace('img-src blob:', '')).not.toMatch(/img-src|blob:/)
      return [component, has.filter(Boolean).join()]
    })
    expect(Object.fromEntries(told)).toMatchObject({
      input: '',
      textarea: '',
      paragraph: 'clipboard',
      image: 'pictures',
      download: 'downloads',
    })
  })

  test('have no HSTS without https', () => {
    expect(frameHeaders({ ...about, https: false })).not.toHaveProperty('strict-transport-security')
  })

  test.each([
    ['a directive more', 'https://app.example; script-src *'],
    ['a second source', 'https://app.example https://evil.example'],
    ['a path', 'https://app.example/'],
    ['a wildcard', '*'],
    ['null', 'null'],
    ['a line feed', 'https://app.example\r\nx: y'],
    ['a scheme that is no web', 'javascript:alert(1)'],
    ['a data URL', 'data:text/html,x'],
    ['nothing', ''],
    ['capitals', 'https://APP.example'],
    ['a default port', 'https://app.example:443'],
  ])('refuse an origin with %s', (_, origin) => {
    expect(() => frameHeaders({ ...about, origins: [origin], https: true })).toThrow(TypeError)
    expect(() => frameHeaders({ ...about, objectStoreOrigin: origin, https: true })).toThrow(TypeError)
    expect(() => renderFramePage({ ...page, origins: [origin] })).toThrow(TypeError)
    expect(() => renderFramePage({ ...page, objectStoreOrigin: origin })).toThrow(TypeError)
  })

  test('refuse an application without origins: nobody could be an ancestor, or everybody', () => {
    expect(() => frameHeaders({ ...about, origins: [], https: true })).toThrow(TypeError)
  })

  test.each([
    '',
    'short',
    "AAAAAAAAAAAAAAAAAAAAAA' 'unsafe-inline",
    'AAAAAAAAAAAAAAAAAAAAAA">',
    'ÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄ',
  ])('refuse the nonce %j', (nonce) => {
    expect(() => frameHeaders({ ...about, nonce, https: true })).toThrow(TypeError)
    expect(() => renderFramePage({ ...page, nonce })).toThrow(TypeError)
  })
})

describe('page', () => {
  test('has one script and one stylesheet, each with nonce and integrity', () => {
    const html = renderFramePage(page)
    const { script, style } = assets.components.input
    expect(html.match(/<script[^>]*>/g)).toEqual([
      `<script defer src="${script.path}" integrity="${script.integrity}" nonce="${NONCE}">`,
    ])
    expect(html.match(/<link[^>]*>/g)).toEqual([
      `<link rel="stylesheet" href="${style.path}" integrity="${style.integrity}" nonce="${NONCE}">`,
    ])
  })

  test('whatever the application is called, the markup stays as it is and the configuration is read back', () => {
    const shape = (html: string): string => html.replace(/name="lunadefend" content="[^"]*"/, '')
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(`"'><script>`, '</meta>', '&quot;', '<!--')),
        (app) => {
          const html = renderFramePage({ ...page, app })
          expect(shape(html)).toBe(shape(renderFramePage(page)))
          const [, content = ''] = /name="lunadefend" content="([^"]*)"/.exec(html) ?? []
          expect(content).not.toMatch(/[<>']/)
          const read = content.replace(
            /&(lt|gt|quot|#39|amp);/g,
            (_, name) => ({ lt: '<', gt: '>', quot: '"', '#39': "'", amp: '&' })[name as string] ?? '',
          )
          expect(JSON.parse(read)).toEqual({
            app,
            cookies: 'strict',
            texts: {
              title: 'Secure field',
              ...{ show: 'Show', hide: 'Hide' },
              ...{ showPassword: 'Show the password', hidePassword: 'Hide the password' },
            },
            origins: about.origins,
            objectStoreOrigin: about.objectStoreOrigin,
          })
        },
      ),
    )
  })
})
