import { checkPolicy, configure, defineElements } from '@lunadefend/browser'

const { tokenizer = '' } = document.body.dataset

const page = configure({
  tokenizerUrl: tokenizer,
  app: 'hello',
  onError: reportError,
})
defineElements()

if (location.hostname === 'localhost') {
  checkPolicy(page).then((finding) => {
    if (finding !== 'ok') reportError(`The frame-src of this page: ${finding}`)
  })
}
