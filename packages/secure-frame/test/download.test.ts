import { readFile } from 'node:fs/promises'
import { readSecret, sealWhole } from '@lunadefend/content-cipher'
import { fileHeader } from '@lunadefend/content-cipher/file-envelope'
import fc from 'fast-check'
import type { Download } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { downloadName } from '../src/frame/download-name.ts'
import { eventually, type Mounted, type Stage, settle, shareStage, startStage, typesSaid } from './stage.ts'
import type { StandIn } from './stand-in.ts'

const shared = shareStage()

const SANDBOX = 'allow-scripts allow-same-origin allow-downloads'
const file = (name: string, content: Buffer, type = ''): Buffer =>
  Buffer.concat([fileHeader({ name, type }, content.length), content])

/** Stores a value as the frame would, encrypted end to end. */
async function putSealed(world: StandIn, value: Buffer): Promise<string> {
  const token = world.put('')
  const key = Buffer.from(crypto.getRandomValues(new Uint8Array(32)))
  world.contentKeys.set(token, key)
  const secret = readSecret({ v: 1, alg: 'Cobblestone-256', key: key.toString('base64url') }, token)
  world.values.set(token, Buffer.from(await sealWhole(secret, value)))
  return token
}

async function mount(
  stage: Stage,
  token: string,
  configure: object = { label: 'The contract' },
): Promise<Mounted> {
  const mounted = await stage.mount('download', { configure, sandbox: SANDBOX })
  expect(await mounted.ask({ type: 'load', tokenId: token })).toEqual({ type: 'loaded' })
  return mounted
}

const button = (mounted: Mounted) => mounted.frame.getByRole('button').first()
const status = (mounted: Mounted) => mounted.frame.getByRole('status').innerText()

async function saved(stage: Stage, mounted: Mounted): Promise<{ name: string; bytes: Buffer }> {
  const coming = stage.page.waitForEvent('download')
  await button(mounted).click()
  const download: Download = await coming
  const bytes = await readFile(await download.path())
  return { name: download.suggestedFilename(), bytes }
}

describe('a download', () => {
  test('is any bytes as they were, under either protection', async () => {
    const stage = shared()
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 3000 }),
        fc.boolean(),
        fc.boolean(),
        async (bytes, sealed, named) => {
          const content = Buffer.from(bytes)
          const value = named ? file('a.bin', content) : content
          const token = sealed ? await putSealed(stage.world, value) : stage.world.put(value)
          const mounted = await mount(stage, token)
          expect((await saved(stage, mounted)).bytes.equals(content)).toBe(true)
          await mounted.remove()
        },
      ),
      {
        numRuns: 5,
        examples: [
          [new Uint8Array(0), true, true],
          [new Uint8Array(0), false, false],
        ],
      },
    )
  })

  test.each([false, true])(
    'of several MiB is whole, and its progress is seen in the frame alone (sealed: %s)',
    async (sealed) => {
      await using stage = await startStage()
      const content = Buffer.alloc(9_000_001, 'The quick brown fox. ')
      const value = file('Contract.pdf', content, 'application/pdf')
      const token = sealed ? await putSealed(stage.world, value) : stage.world.put(value)
      const mounted = await mount(stage, token)
      const half = Promise.withResolvers<void>()
      stage.world.faults.set('GET', (_, response) => {
        const object = stage.world.values.get(token) as Buffer
        response.write(object.subarray(0, object.length / 2))
        void half.promise.then(() => response.end(object.subarray(object.length / 2)))
        return true
      })
      const coming = stage.page.waitForEvent('download')
      await button(mounted).press('Enter')
      const bar = mounted.frame.getByRole('progressbar', { name: 'Progress of the download' })
      await eventually(() => bar.evaluate((each) => (each as HTMLProgressElement).value)).toBeGreaterThan(0.4)
      expect(await mounted.value.innerText()).toMatch(/4\.\d MB of 9 MB/)
      half.resolve()
      const download = await coming
      expect(download.suggestedFilename()).toBe('Contract.pdf')
      expect((await readFile(await download.path())).equals(content)).toBe(true)
      await eventually(() => status(mounted)).toBe('Saved: Contract.pdf')
      expect(await bar.isVisible()).toBe(false)
      expect(await typesSaid(mounted)).toEqual(['ready', 'loaded'])
      expect(stage.console).toEqual([])
    },
  )

  test('that is a text is a .txt, other bytes are a .bin', async () => {
    const stage = shared()
    for (const [value, name] of [
      ['0.10 ä😀', 'download.txt'],
      ['ä'.repeat(2000), 'download.txt'],
      [Buffer.of(0xff, 0xfe, 1), 'download.bin'],
      ['a\0b', 'download.bin'],
    ] as const) {
      const mounted = await mount(stage, stage.world.put(value))
      expect(await saved(stage, mounted)).toEqual({ name, bytes: Buffer.from(value) })
      await mounted.remove()
    }
  })

  test('asks for its URL at the click, and again for the next try', async () => {
    await using stage = await startStage()
    const { world } = stage
    const mounted = await mount(stage, world.put(file('a.txt', Buffer.from('content'))))
    await settle(stage.page)
    expect(world.callsTo('/detokenize')).toEqual([])
    const asked: (string | undefined)[] = []
    world.faults.set('GET', ({ url }, response) => {
      asked.push(url)
      response.writeHead(200, { 'content-length': '5000' })
      response.write('some', () => response.destroy())
      return true
    })
    await button(mounted).click()
    await eventually(() => status(mounted)).toBe('It could not be downloaded. Try again.')
    world.faults.set('GET', ({ url }) => {
      asked.push(url)
      return false
    })
    expect((await saved(stage, mounted)).bytes.toString()).toBe('content')
    expect(world.callsTo('/detokenize').length).toBe(2)
    expect(new Set(asked).size).toBe(2)
    expect(await typesSaid(mounted)).toEqual(['ready', 'loaded'])
  })

  test('can be cancelled, and the focus stays', async () => {
    await using stage = await startStage()
    const gone = Promise.withResolvers<void>()
    stage.world.faults.set('GET', (request, response) => {
      request.on('close', () => gone.resolve())
      response.write(Buffer.alloc(100_000))
      return true
    })
    const mounted = await mount(stage, stage.world.put('x'))
    await button(mounted).click()
    await mounted.frame.getByRole('button', { name: 'Cancel' }).press('Enter')
    await eventually(() => status(mounted)).toBe('Cancelled.')
    await gone.promise
    expect(await button(mounted).evaluate((each) => each === document.activeElement)).toBe(true)
    expect(await mounted.frame.getByRole('button').count()).toBe(1)
  })

  test('of which nothing comes any more ends by itself; one that goes on may take its time', async () => {
    await using stage = await startStage((world) => {
      world.waits = { call: 1500 }
    })
    stage.world.faults.set('GET', (_, response) => {
      response.write('a')
      return true
    })
    const mounted = await mount(stage, stage.world.put('x'))
    await button(mounted).click()
    await eventually(() => status(mounted)).toBe('It could not be downloaded. Try again.')
    stage.world.faults.set('GET', async (_, response) => {
      for (let second = 0; second < 4; second++) {
        response.write('part ')
        await new Promise((resolve) => setTimeout(resolve, 700))
      }
      response.end()
      return true
    })
    expect((await saved(stage, mounted)).bytes.toString()).toBe('part part part part ')
  })

  test.each([
    ['cut short', (value: Buffer) => value.subarray(0, -1)],
    ['longer', (value: Buffer) => Buffer.concat([value, Buffer.of(0)])],
    [
      'of a version that nobody knows',
      (value: Buffer) => Buffer.concat([value.subarray(0, 7), Buffer.of(9), value.subarray(8)]),
    ],
  ])('that is %s saves nothing', async (_, change) => {
    const stage = shared()
    const token = stage.world.put(change(file('a.bin', Buffer.alloc(5000, 7))))
    const mounted = await mount(stage, token)
    let saves = 0
    stage.page.on('download', () => {
      saves += 1
    })
    await button(mounted).click()
    await eventually(() => status(mounted)).toBe('It could not be downloaded. Try again.')
    expect(saves).toBe(0)
    await mounted.remove()
  })

  test('that was changed on its way, encrypted end to end, saves nothing', async () => {
    const stage = shared()
    const token = await putSealed(stage.world, file('a.bin', Buffer.alloc(50_000, 7)))
    const object = stage.world.values.get(token) as Buffer
    object[object.length - 20] = (object[object.length - 20] ?? 0) ^ 1
    const mounted = await mount(stage, token)
    await button(mounted).click()
    await eventually(() => status(mounted)).toBe('It could not be downloaded. Try again.')
    await mounted.remove()
  })
})

describe('the page', () => {
  test('hears the same of a small and of a big one, of a text, of a refusal, of nothing', async () => {
    const stage = shared()
    const values = ['x', file('a.pdf', Buffer.alloc(2_000_000)), Buffer.alloc(70_000, 0xff)]
    const tokens = [...values.map((value) => stage.world.put(value)), `lunasec-${crypto.randomUUID()}`]
    // What comes once, whatever the frame does, is not counted: its document, the page's icon, the assertion of a new session.
    const ONCE = /\/frame\?|\/favicon\.ico$|\/\.lunadefend\/session$/
    const fetched = async () => {
      const names = await stage.page.evaluate(() =>
        performance.getEntriesByType('resource').map(({ name }) => name),
      )
      return names.filter((name) => !ONCE.test(name)).length
    }
    const heard: string[] = []
    for (const token of tokens) {
      const mounted = await mount(stage, token)
      const resources = await fetched()
      await button(mounted).click()
      await eventually(() => status(mounted)).toMatch(/^(Saved|It could not)/)
      await settle(stage.page)
      const later = await fetched()
      const size = await stage.page.locator(`[name=${mounted.name}]`).boundingBox()
      const said = (await mounted.said()).filter(({ type }) => type !== 'need-assertion')
      heard.push(JSON.stringify([said.map(({ type }) => type), later - resources, size?.width, size?.height]))
      await mounted.remove()
    }
    expect([...new Set(heard)]).toEqual(heard.slice(0, 1))
  })

  test('starts none: neither by a message nor by script in the frame', async () => {
    await using stage = await startStage()
    const mounted = await mount(stage, stage.world.put('x'))
    await mounted.focus()
    await mounted.frame.evaluate(() => {
      document.querySelector('button')?.click()
      document.querySelector('button')?.dispatchEvent(new MouseEvent('click', { bubbles: true }))
    })
    await settle(stage.page)
    expect(stage.world.callsTo('/detokenize')).toEqual([])
    expect(await button(mounted).evaluate((each) => each === document.activeElement)).toBe(true)
  })

  test('without allow-downloads there is none', async () => {
    await using stage = await startStage()
    const mounted = await stage.mount('download')
    await mounted.ask({ type: 'load', tokenId: stage.world.put('x') })
    let saves = 0
    stage.page.on('download', () => {
      saves += 1
    })
    await button(mounted).click()
    await eventually(() => stage.world.callsTo('GET').length).toBe(1)
    await settle(stage.page)
    expect(saves).toBe(0)
  })

  test('writes the label, and it is a text', async () => {
    const stage = shared()
    const label = '<img src=x onerror=alert(1)>'
    const mounted = await mount(stage, stage.world.put('x'), { label })
    expect(await button(mounted).innerText()).toBe(label)
    await mounted.send({ type: 'update', label: '' })
    await eventually(() => button(mounted).innerText()).toBe('Download')
    await mounted.remove()
  })
})

describe('a logout', () => {
  test('ends what is under way, takes back URLs, and leaves a button that does nothing', async () => {
    await using stage = await startStage()
    const { world } = stage
    const mounted = await mount(stage, world.put('small'))
    await mounted.frame.evaluate(() => {
      const [create, revoke] = [URL.createObjectURL, URL.revokeObjectURL]
      Object.assign(window, { living: 0 })
      const count = (by: number) => Reflect.set(window, 'living', Reflect.get(window, 'living') + by)
      URL.createObjectURL = (blob: Blob) => {
        count(1)
        return create.call(URL, blob)
      }
      URL.revokeObjectURL = (url) => {
        count(-1)
        revoke.call(URL, url)
      }
    })
    const living = () => mounted.frame.evaluate(() => Reflect.get(window, 'living'))
    await saved(stage, mounted)
    expect(await living()).toBe(1)
    world.faults.set('GET', (_, response) => {
      response.write('some')
      return true
    })
    await button(mounted).click()
    await eventually(() => status(mounted)).toBe('Downloading …')
    const asked = world.callsTo('/detokenize').length
    await mounted.ask({ type: 'logout' })
    await eventually(() => status(mounted)).toBe('')
    expect(await living()).toBe(0)
    await button(mounted).click({ force: true })
    await settle(stage.page)
    expect(world.callsTo('/detokenize').length).toBe(asked)
    expect(await button(mounted).getAttribute('aria-disabled')).toBe('true')
  })
})

describe('a name', () => {
  const named = (name: string) => downloadName({ name, type: '' }, false)

  test.each([
    ['invoice.pdf', 'invoice.pdf'],
    ['invoice.pdf.exe', 'invoice.pdf.exe'],
    ['invoice.pdf                                        .exe', 'invoice.pdf .exe'],
    ['invoice\u202efdp.exe', 'invoice_fdp.exe'],
    ['a\u200b\u3164\u115f\u2800.pdf', 'a____.pdf'],
    ['../../etc/passwd', '_.._etc_passwd'],
    ['C:\\Windows\\x.dll', 'C__Windows_x.dll'],
    ['a\r\nb\0c\tdd', 'a__b_c_dd'],
    ['.htaccess', 'htaccess'],
    ['name. . ', 'name'],
    ['CON', '_CON'],
    ['nul.txt', '_nul.txt'],
    ['Com1 .log', '_Com1 .log'],
    ['LPT³.pdf', '_LPT³.pdf'],
    ['console.log', 'console.log'],
    ['<script>.html', '_script_.html'],
    ['', 'file'],
    ['…', '…'],
    ['Übersicht 2026 🇩🇪.ods', 'Übersicht 2026 🇩🇪.ods'],
  ])('%j is saved as %j', (name, expected) => {
    expect(named(name)).toBe(expected)
  })

  test('whatever it is, is one that every system takes, and its extension stays', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (name) => {
        const clean = named(`${name}.pdf`)
        expect(clean).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}"*/:<>?\\|]|^[\s.]|[\s.]$|\s\s/u)
        expect(clean.length).toBeLessThanOrEqual(256)
        expect(clean).toMatch(/pdf$/)
        expect(downloadName({ name: clean, type: '' }, false)).toBe(clean)
      }),
    )
  })

  test('is shown whole and as a text when it is saved', async () => {
    const stage = shared()
    const name = `${'<b>long</b> '.repeat(15)}.pdf.exe`
    const mounted = await mount(stage, stage.world.put(file(name, Buffer.from('x'))))
    const { name: given } = await saved(stage, mounted)
    expect(given).toMatch(/\.pdf\.exe$/)
    expect(await status(mounted)).toBe(`Saved: ${downloadName({ name, type: '' }, false)}`)
    await mounted.remove()
  })
})
