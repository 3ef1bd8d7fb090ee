import { fileHeader } from '@lunadefend/content-cipher/file-envelope'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { rasterTypeOf } from '../src/frame/raster-type.ts'
import { eventually, type Mounted, type Stage, settle, shareStage, startStage, typesSaid } from './stage.ts'

const shared = shareStage()

const NO_PICTURE = 'There is no picture that can be shown.'
const file = (name: string, type: string, content: Buffer): Buffer =>
  Buffer.concat([fileHeader({ name, type }, content.length), content])

const GIF = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64')
const SCRIPT = 'parent.postMessage("executed","*");top.document.title="executed";window.executed=true'
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" onload='${SCRIPT}'><script>${SCRIPT}</script></svg>`
const HTML = `<!doctype html><img src=x onerror='${SCRIPT}'><script>${SCRIPT}</script>`

/** Pictures as the browser itself makes them. */
async function draw(stage: Stage, type: string, width: number): Promise<Buffer> {
  const data = await stage.page.evaluate(
    ([kind, size]) => {
      const canvas = Object.assign(document.createElement('canvas'), { width: size, height: 20 })
      const pen = canvas.getContext('2d')
      if (pen !== null) pen.fillStyle = 'rgb(200, 10, 10)'
      pen?.fillRect(0, 0, size, 20)
      return canvas.toDataURL(kind)
    },
    [type, width] as const,
  )
  return Buffer.from(data.split(',')[1] ?? '', 'base64')
}

/** Counts the URLs of blobs that a frame makes and takes back. */
async function mountCounted(stage: Stage, configure: object = { label: 'A scan' }): Promise<Mounted> {
  const shown = await stage.mount('image', { configure })
  await shown.frame.evaluate(() => {
    const [create, revoke] = [URL.createObjectURL, URL.revokeObjectURL]
    const urls = { made: 0, living: 0 }
    Object.assign(window, { urls })
    URL.createObjectURL = (blob: Blob) => {
      urls.made += 1
      urls.living += 1
      return create.call(URL, blob)
    }
    URL.revokeObjectURL = (url) => {
      urls.living -= 1
      revoke.call(URL, url)
    }
  })
  return shown
}
const urlsOf = (shown: Mounted) => shown.frame.evaluate(() => Reflect.get(window, 'urls') as object)
const drawn = (shown: Mounted) =>
  shown.frame.evaluate(() => {
    const image = document.querySelector('img')
    return image?.complete === true && image.naturalWidth > 0
  })

describe('a picture', () => {
  let pictures: Record<string, Buffer>
  beforeAll(async () => {
    const stage = shared()
    const kinds = ['image/png', 'image/jpeg', 'image/webp']
    const made = await Promise.all(kinds.map((kind) => draw(stage, kind, 60)))
    pictures = { ...Object.fromEntries(kinds.map((kind, index) => [kind, made[index]])), 'image/gif': GIF }
  })

  test.each(['image/png', 'image/jpeg', 'image/webp', 'image/gif'])(
    'of type %s is shown, stored as a file or as bytes, whatever it was said to be, and no URL is left',
    async (type) => {
      const stage = shared()
      const content = pictures[type] as Buffer
      const shown = await mountCounted(stage)
      const stored = [content, file('x.html', 'text/html', content)]
      for (const value of stored) {
        expect(await shown.ask({ type: 'load', tokenId: stage.world.put(value) })).toEqual({ type: 'loaded' })
        await eventually(() => drawn(shown)).toBe(true)
        expect(await shown.frame.getByRole('img').getAttribute('alt')).toBe('A scan')
      }
      await eventually(() => urlsOf(shown)).toEqual({ made: 2, living: 0 })
      await shown.remove()
    },
  )

  test('is of the size of its box; the text for it may change, and is a text', async () => {
    const stage = shared()
    const sizes: unknown[] = []
    for (const width of [1, 3000]) {
      const shown = await stage.mount('image', { configure: { label: 'One', fit: 'cover' } })
      await shown.ask({ type: 'load', tokenId: stage.world.put(await draw(stage, 'image/png', width)) })
      await eventually(() => drawn(shown)).toBe(true)
      await shown.send({ type: 'update', label: '<b>Two</b>' })
      await eventually(() => shown.frame.getByRole('img').getAttribute('alt')).toBe('<b>Two</b>')
      const box = await shown.frame.locator('img').boundingBox()
      sizes.push([box?.width, box?.height, await shown.frame.evaluate(() => [document.documentElement.scrollHeight, document.documentElement.scrollWidth])]) // biome-ignore format: one line
      expect(await typesSaid(shown)).toEqual(['ready', 'loaded'])
      await shown.remove()
    }
    expect(sizes[0]).toEqual(sizes[1])
  })

  test('is wiped at a logout and when the page shows nothing, also on its way', async () => {
    await using stage = await startStage()
    const png = pictures['image/png'] as Buffer
    const [one, two] = [await mountCounted(stage), await mountCounted(stage)]
    for (const shown of [one, two]) {
      await shown.ask({ type: 'load', tokenId: stage.world.put(png) })
      await eventually(() => drawn(shown)).toBe(true)
    }
    await one.send({ type: 'clear' })
    await eventually(() => one.frame.locator('img').count()).toBe(0)
    const gate = Promise.withResolvers<boolean>()
    stage.world.faults.set('GET', () => gate.promise)
    const late = await one.begin({ type: 'load', tokenId: stage.world.put(png) })
    await eventually(() => stage.world.callsTo('/detokenize').length).toBe(3)
    await two.ask({ type: 'logout' })
    gate.resolve(false)
    expect(await late()).toEqual({ type: 'failed', code: 'logged-out' })
    await settle(stage.page)
    for (const shown of [one, two]) {
      expect(await shown.frame.locator('img').count()).toBe(0)
      expect(await urlsOf(shown)).toEqual({ made: 1, living: 0 })
    }
  })
})

describe('what is no picture', () => {
  test.each([
    ['SVG', SVG],
    ['SVG with a header of XML', `<?xml version="1.0"?>${SVG}`],
    ['SVG behind the name of a PNG', file('x.png', 'image/png', Buffer.from(SVG))],
    ['HTML', HTML],
    ['HTML behind the name of a GIF', file('x.gif', 'image/gif', Buffer.from(HTML))],
    [
      'SVG behind the magic of a PNG',
      Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.from(SVG)]),
    ],
    ['a text', 'GIF'],
    ['nothing', ''],
  ])('%s is not shown and runs nothing, and the page hears what it always hears', async (_, value) => {
    const stage = shared()
    await stage.page.evaluate(() => {
      Object.assign(window, { heard: [] })
      window.addEventListener('message', ({ data }) => Reflect.get(window, 'heard').push(data))
    })
    const shown = await mountCounted(stage)
    expect(await shown.ask({ type: 'load', tokenId: stage.world.put(value) })).toEqual({ type: 'loaded' })
    await eventually(() => shown.frame.getByRole('status').innerText()).toBe(NO_PICTURE)
    expect(await shown.frame.locator('img').count()).toBe(0)
    expect(await urlsOf(shown)).toMatchObject({ living: 0 })
    expect(await shown.frame.evaluate(() => 'executed' in window)).toBe(false)
    expect(await stage.page.evaluate(() => Reflect.get(window, 'heard'))).toEqual([])
    expect(await typesSaid(shown)).toEqual(['ready', 'loaded'])
    await shown.remove()
  })

  test('a document behind the magic of a GIF is drawn as one, and runs nothing', async () => {
    const stage = shared()
    const shown = await mountCounted(stage)
    const value = Buffer.concat([Buffer.from('GIF89a'), Buffer.from(`/*${HTML}*/`)])
    expect(await shown.ask({ type: 'load', tokenId: stage.world.put(value) })).toEqual({ type: 'loaded' })
    await eventually(() => urlsOf(shown)).toEqual({ made: 1, living: 0 })
    await settle(stage.page)
    expect(await shown.frame.evaluate(() => 'executed' in window)).toBe(false)
    expect(await stage.page.title()).toBe('App')
    await shown.remove()
  })

  test('the frame of a picture loads none from elsewhere, and no other frame loads any', async () => {
    await using stage = await startStage()
    const tried = async (component: 'image' | 'download' | 'paragraph', src: string): Promise<string> => {
      const { frame } = await stage.mount(component)
      return frame.evaluate(
        (source) =>
          new Promise<string>((resolve) => {
            const url = source || URL.createObjectURL(new Blob([Uint8Array.from(atob('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7'), (each) => each.charCodeAt(0))], { type: 'image/gif' })) // biome-ignore format: one line
            const image = Object.assign(new Image(), { onload: () => resolve('loaded'), onerror: () => resolve('refused') }) // biome-ignore format: one line
            image.src = url
          }),
        src,
      )
    }
    expect(await tried('image', '')).toBe('loaded')
    expect(await tried('image', `${stage.world.elsewhere}/x.gif`)).toBe('refused')
    expect(await tried('image', `data:image/gif;base64,${GIF.toString('base64')}`)).toBe('refused')
    expect(await tried('paragraph', '')).toBe('refused')
    expect(await tried('download', '')).toBe('refused')
  })

  test('a kind is told by its first bytes alone', () => {
    const bytes = (text: string) => Uint8Array.from(text, (each) => each.charCodeAt(0))
    expect(rasterTypeOf(bytes('\0\0\0\x1cftypavif\0\0\0\0'))).toBe('image/avif')
    expect(rasterTypeOf(bytes('\0\0\0\x1cftypmif1\0\0\0\0miafavis'))).toBe('image/avif')
    expect(rasterTypeOf(bytes('\0\0\0\x1cftypisom\0\0\x02\0mp41'))).toBeNull()
    expect(rasterTypeOf(bytes('RIFF\0\0\0\0WAVE'))).toBeNull()
    expect(rasterTypeOf(bytes('%PDF-1.7'))).toBeNull()
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), (text) => {
        expect(rasterTypeOf(bytes(`<${text}`))).toBeNull()
      }),
    )
  })
})
