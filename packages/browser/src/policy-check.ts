import type { LunaDefendPage } from './page.ts'

/**
 * What the page's Content-Security-Policy says about frames. `missing` or `too-wide`: a frame that was broken into
 * could send what is typed elsewhere, by navigating itself; only `frame-src` stops it. `blocks-tokenizer`: the secure
 * frames cannot load. `unknown`: the page's own address could not be asked.
 */
export type PolicyFinding = 'ok' | 'missing' | 'too-wide' | 'blocks-tokenizer' | 'unknown'

/**
 * Looks at the policy of this page: its `<meta>` tags, and the headers that a HEAD request to its own address brings.
 * For development: call it once where `location.hostname` is localhost and show what it finds. It is a help, no
 * control; sources with a path or a wildcard host are taken as they are written.
 */
export async function checkPolicy(page: LunaDefendPage): Promise<PolicyFinding> {
  const metas = document.querySelectorAll<HTMLMetaElement>('meta[http-equiv="content-security-policy" i]')
  const header = await ownPolicy()
  if (header === null && metas.length === 0) return 'unknown'
  const policies = [...Array.from(metas, (meta) => meta.content), ...(header ?? '').split(',')]
  return judgePolicies(policies, page.tokenizerOrigin)
}

/** Several policies hold together: one that blocks, blocks; one that limits, limits. */
export function judgePolicies(policies: readonly string[], tokenizerOrigin: string): PolicyFinding {
  const findings = policies.map((policy) => judge(policy, tokenizerOrigin))
  const order: readonly PolicyFinding[] = ['blocks-tokenizer', 'ok', 'too-wide', 'missing']
  return order.find((finding) => findings.includes(finding)) ?? 'missing'
}

function judge(policy: string, tokenizerOrigin: string): PolicyFinding {
  const sources = frameSources(policy)
  if (sources === null) return 'missing'
  if (sources.some((source) => source === '*' || /^[a-z][a-z0-9+.-]*:$/.test(source))) return 'too-wide'
  return sources.includes(tokenizerOrigin) ? 'ok' : 'blocks-tokenizer'
}

/** `frame-src` falls back to `child-src` and that to `default-src` (CSP 3, 6.1.5). */
function frameSources(policy: string): string[] | null {
  const directives = new Map<string, string[]>()
  for (const directive of policy.split(';')) {
    const [name, ...sources] = directive.trim().toLowerCase().split(/\s+/)
    // The first of one name counts.
    if (name !== undefined && !directives.has(name)) directives.set(name, sources)
  }
  const names = ['frame-src', 'child-src', 'default-src']
  return names.map((name) => directives.get(name)).find((sources) => sources !== undefined) ?? null
}

async function ownPolicy(): Promise<string | null> {
  try {
    const response = await fetch(location.href, {
      method: 'HEAD',
      credentials: 'same-origin',
      cache: 'no-store',
    })
    return response.headers.get('content-security-policy') ?? ''
  } catch {
    return null
  }
}
