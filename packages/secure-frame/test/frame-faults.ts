import type { Frame } from 'playwright-core'

const TAGS = new Set(
  'html head body meta title link script style span p div ul li bdi button input textarea select option fieldset legend label progress img canvas'.split(
    ' ',
  ),
)

/** What stands in the frame that should not; nothing is best. */
export function faultsIn(frame: Frame): Promise<string[]> {
  return frame.evaluate(
    (known) => {
      const found: string[] = []
      if ('executed' in window) found.push('executed')
      for (const element of document.querySelectorAll<HTMLElement>('*')) {
        const { localName } = element
        if (!known.includes(localName)) found.push(`<${localName}>`)
        for (const { name, value } of element.attributes)
          if (/^on|^(src|href|action|formaction|srcdoc)$/.test(name) && !/^(\/frame\/|blob:)/.test(value))
            found.push(`${localName} ${name}=${value}`)
        const { position, transform, backgroundImage, zIndex, cursor } = getComputedStyle(element)
        if (position === 'fixed' || position === 'sticky') found.push(`${localName} ${position}`)
        if (transform !== 'none') found.push(`${localName} ${transform}`)
        if (/url\(/.test(`${backgroundImage} ${cursor}`)) found.push(`${localName} url`)
        if (zIndex !== 'auto' && !element.matches('.cell')) found.push(`${localName} ${zIndex}`)
      }
      if (document.querySelectorAll('style').length > 0) found.push('<style>')
      if (document.scripts.length !== 1) found.push('<script>')
      const selectors = document.adoptedStyleSheets.flatMap((sheet) =>
        [...sheet.cssRules].map((rule) => (rule as CSSStyleRule).selectorText ?? rule.cssText),
      )
      for (const selector of selectors)
        if (!/^(\.value|button:not|\.flaws|input, progress)/.test(selector)) found.push(selector)
      return found
    },
    [...TAGS],
  )
}
