import { configure, defineElements } from '@lunadefend/browser'
import { mount } from 'svelte'
import ProfilePage from './page.svelte'

const root = document.getElementById('root') as HTMLElement
const { tokenizer = '', token = '' } = root.dataset

configure({ tokenizerUrl: tokenizer, app: 'hello', onError: reportError })
// Before the first element is made: Svelte sets properties of elements that it knows, and attributes of others.
defineElements()
mount(ProfilePage, { target: root, props: { token } })
