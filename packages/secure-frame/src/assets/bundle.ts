import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { COMPONENTS, type Component } from '@lunadefend/contract/frame-messages'
import { build, type OutputFile } from 'esbuild'
import { type Font, fontFaces } from './fonts.ts'
import { hashedPath } from './hashed-path.ts'

/** One file of the frame, as it is served. Its name holds its hash, so it may be cached for ever. */
export interface FrameFile {
  readonly contentType: string
  readonly body: Uint8Array
}
/** How a page names a file: its path on the Tokenizer's origin, and its Subresource Integrity hash (sha384). */
export interface Asset {
  readonly path: string
  readonly integrity: string
}
export interface FrameAssets {
  /** By path, as it stands in the URL. */
  readonly files: ReadonlyMap<string, FrameFile>
  readonly components: Readonly<Record<Component, { readonly script: Asset; readonly style: Asset }>>
  /** Whether the stylesheets name fonts, which the headers must let in then. */
  readonly hasFonts: boolean
}

/**
 * Bundles the script and the stylesheet of every component, with the operator's fonts. Done once, at start; nothing is
 * written to disk. Throws a `TypeError` for a font that `fontProblem` has something against.
 */
export async function buildFrameAssets(fonts: readonly Font[] = []): Promise<FrameAssets> {
  const { files, rules } = fontFaces(fonts)
  const bundles = await bundleAll()
  const entries = COMPONENTS.map((component) => {
    const styles = Buffer.concat([bundleOf(bundles, `${component}.css`), Buffer.from(rules)])
    const script = named(component, 'js', bundleOf(bundles, `${component}.js`))
    const style = named(component, 'css', styles)
    for (const { asset, file } of [script, style]) files.set(asset.path, file)
    return [component, { script: script.asset, style: style.asset }] as const
  })
  const components = Object.fromEntries(entries) as FrameAssets['components']
  return { files, components, hasFonts: fonts.length > 0 }
}

/** Each by itself, since a frame loads no second script; but what they share is read and parsed once. */
async function bundleAll(): Promise<readonly OutputFile[]> {
  const sources = COMPONENTS.flatMap((component) => [`${component}.ts`, `${component}.css`])
  const { outputFiles } = await build({
    entryPoints: sources.map((source) => fileURLToPath(new URL(`../frame/${source}`, import.meta.url))),
    outdir: '.',
    bundle: true,
    minify: true,
    write: false,
    target: 'es2022',
    format: 'iife',
    legalComments: 'none',
    logLevel: 'silent',
    // The bundle depends on the sources alone, not on a tsconfig.json that happens to lie above them.
    tsconfigRaw: {},
  })
  return outputFiles
}

function bundleOf(bundles: readonly OutputFile[], name: string): Uint8Array {
  const output = bundles.find(({ path }) => basename(path) === name)
  if (output === undefined) throw new Error(`The bundler gave no output for ${name}.`)
  return output.contents
}

const CONTENT_TYPES = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8' } as const

function named(
  component: Component,
  kind: 'js' | 'css',
  body: Uint8Array,
): { asset: Asset; file: FrameFile } {
  return { asset: hashedPath(component, kind, body), file: { contentType: CONTENT_TYPES[kind], body } }
}
