import { configure, defineElements } from '@lunadefend/browser'
import { createApp } from 'vue'
import ProfilePage from './page.vue'

const root = document.getElementById('root') as HTMLElement
const { tokenizer = '', token = '' } = root.dataset

configure({ tokenizerUrl: tokenizer, app: 'hello', onError: reportError })
defineElements()
createApp(ProfilePage, { token }).mount(root)
