import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** A file of the page, with its hash in its name: it may be kept for ever. */
export interface PageFile {
  readonly path: string
  readonly contentType: string
  readonly body: Uint8Array
  /** For `integrity`. */
  readonly digest: string
}
export interface PageBundle {
  readonly script: PageFile
  readonly style: PageFile
  readonly files: readonly PageFile[]
}

const ENTRIES = ['page/main.tsx', 'page/style.css'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
)
const TYPES = { '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8' } as const

/** Bundles the page in memory, as it is served. */
export async function bundlePage(): Promise<PageBundle> {
  const { outputFiles } = await build({
    entryPoints: ENTRIES,
    outdir: '.',
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    minify: true,
    legalComments: 'none',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'silent',
  })
  const take = (extension: keyof typeof TYPES): PageFile => {
    const output = outputFiles.find(({ path }) => path.endsWith(extension))
    if (output === undefined) throw new Error(`The page has no ${extension} file.`)
    return pageFile(output.contents, extension)
  }
  const [script, style] = [take('.js'), take('.css')]
  return { script, style, files: [script, style] }
}

function pageFile(body: Uint8Array, extension: keyof typeof TYPES): PageFile {
  const digest = `sha256-${createHash('sha256').update(body).digest('base64')}`
  const name = createHash('sha256').update(body).digest('hex').slice(0, 16)
  return { path: `/assets/${name}${extension}`, contentType: TYPES[extension], body, digest }
}
