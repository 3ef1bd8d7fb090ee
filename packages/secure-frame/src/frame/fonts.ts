/** How long nothing is shown for want of a font, in milliseconds: as long as a font may change what is shown (assets/fonts.ts). */
const LONGEST_WAIT = 3000

/** Another one with each style: an earlier wait ends nothing. */
let turn = {}

/**
 * Loads every file of the operator's fonts that a style names, now. A browser by itself loads a file when a character of
 * its range has to be drawn: which files are asked for, and when, would tell the network what is typed. Until they are
 * there nothing is seen, so that no text moves; all works meanwhile.
 * @param families as `fontFamily` has them
 */
export function awaitFonts(families: string): void {
  const named = new Set(families.split(',').map(nameOf))
  const faces = [...document.fonts].filter(({ family }) => named.has(nameOf(family)))
  if (!faces.some(({ status }) => status === 'unloaded' || status === 'loading')) return
  const mine = {}
  turn = mine
  const { style } = document.body
  style.opacity = '0'
  const show = (): void => {
    clearTimeout(timer)
    if (mine === turn) style.opacity = ''
  }
  const timer = setTimeout(show, LONGEST_WAIT)
  // Also when one of them cannot be had.
  void Promise.allSettled(faces.map((face) => face.load())).then(show)
}

/** Without quotes; browsers compare names of families so. */
function nameOf(family: string): string {
  return family
    .trim()
    .replace(/^(["'])(.*)\1$/, '$2')
    .toLowerCase()
}
