import type { Mask, PolicyAction, Verdict } from '@lunadefend/core'

/** What the author of a policy may call it: it stands in audit rows. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** Whether it may stand in the column `policy` of an audit row. */
export function isPolicyName(text: string): boolean {
  return NAME.test(text)
}

/** Denials that no author wrote. No policy can have such a name: the colon is theirs alone. */
export const ENGINE = {
  /** No policy permits it. */
  noPermit: 'engine:no-permit',
  /** It took longer than it may. */
  timeout: 'engine:timeout',
  /** The authorizer threw, or its promise was rejected. */
  threw: 'engine:threw',
  /** Its thread ended: out of memory, or it ended itself. */
  died: 'engine:died',
  /** What it answered is no verdict. */
  badAnswer: 'engine:bad-answer',
  /** The question does not fit what the policies declare: metadata of another type, say. */
  badQuestion: 'engine:bad-question',
  /** More questions wait than are allowed to. */
  busy: 'engine:busy',
  /** Two authorizers show different ends of the value: nothing is left that both allow. */
  masksDisagree: 'engine:masks-disagree',
} as const

export function denial(policy: string): Verdict {
  return { kind: 'deny', policy }
}

/** The most bytes that a mask shows. */
const MASK_MOST = 64

/** `last:4`, as Cedar's annotation `@mask` writes it. `null` = it is no mask. */
export function parseMask(text: string): Mask | null {
  const [, show, digits] = /^(first|last):([1-9]\d?)$/.exec(text) ?? []
  return maskOf({ show, count: Number(digits) })
}

function maskOf(value: unknown): Mask | null {
  if (!isRecord(value) || !hasOnly(value, ['show', 'count'])) return null
  const { show, count } = value
  if (show !== 'first' && show !== 'last') return null
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 1 || count > MASK_MOST) return null
  return { show, count }
}

/** What an authorizer answered, as it crossed the border of its thread. Whatever is no verdict is a denial. */
export function parseVerdict(value: unknown, action: PolicyAction): Verdict {
  return readVerdict(value, action) ?? denial(ENGINE.badAnswer)
}

const OWN_NAMES: readonly unknown[] = Object.values(ENGINE)

function readVerdict(value: unknown, action: PolicyAction): Verdict | null {
  if (!isRecord(value)) return null
  const { kind, policy = null } = value
  const isNamed = policy === null || (typeof policy === 'string' && NAME.test(policy))
  switch (kind) {
    case 'allow':
      return isNamed && hasOnly(value, ['kind', 'policy']) ? { kind, policy } : null
    case 'deny':
      return (isNamed || OWN_NAMES.includes(policy)) && hasOnly(value, ['kind', 'policy'])
        ? { kind, policy: policy as string | null }
        : null
    case 'mask': {
      const mask = maskOf(value['mask'])
      // There is a value to mask where one is read, and nowhere else.
      const fits = mask !== null && action === 'detokenize' && hasOnly(value, ['kind', 'mask', 'policy'])
      return fits && isNamed ? { kind, mask, policy } : null
    }
    default:
      return null
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

function hasOnly(value: object, keys: readonly string[]): boolean {
  return Object.keys(value).every((key) => keys.includes(key))
}

/**
 * What all of them allow: any denial denies, else the narrowest mask. First and last bytes have nothing in common that
 * could be known without the value's length, so two such masks are a denial.
 */
export function combine(verdicts: readonly Verdict[]): Verdict {
  return verdicts.reduce(narrower, { kind: 'allow', policy: null })
}

function narrower(a: Verdict, b: Verdict): Verdict {
  if (a.kind === 'deny') return a
  if (b.kind === 'deny') return b
  if (a.kind === 'allow') return b.kind === 'allow' && a.policy !== null ? a : b
  if (b.kind === 'allow') return a
  if (a.mask.show !== b.mask.show) return denial(ENGINE.masksDisagree)
  return b.mask.count < a.mask.count ? b : a
}
