import { LunaDefendProvider, SecureForm, SecureInput, SecureRadioGroup } from '@lunadefend/react-sdk'
import { useFormik } from 'formik'
import { createRoot } from 'react-dom/client'

const NOBODY = { ssn: '', insured: '' }

function Admission() {
  const form = useFormik({
    initialValues: NOBODY,
    validate: ({ insured }) => (insured === '' ? { insured: 'Please answer.' } : {}),
    async onSubmit(values, { resetForm, setStatus }) {
      const response = await fetch('/profile', { method: 'POST', body: JSON.stringify(values) })
      if (response.ok) resetForm()
      else setStatus('Not saved. Please try again.')
    },
  })

  return (
    <SecureForm onSubmit={form.handleSubmit} onError={({ code }) => form.setStatus(`Not saved: ${code}`)}>
      <label htmlFor="ssn">Social security number</label>
      <SecureInput
        id="ssn"
        name="ssn"
        value={form.values.ssn}
        onChange={({ target }) => form.setFieldValue('ssn', target.value)}
        onBlur={() => form.setFieldTouched('ssn')}
      />
      <SecureRadioGroup
        id="insured"
        name="insured"
        aria-label="Are you insured?"
        value={form.values.insured}
        onChange={({ target }) => form.setFieldValue('insured', target.value)}
      >
        <option value="y">Yes</option>
        <option value="n">No</option>
      </SecureRadioGroup>
      <button type="submit" disabled={form.isSubmitting}>
        Save
      </button>
      <p role="alert">
        {form.submitCount > 0 && form.errors.insured} {form.status}
      </p>
    </SecureForm>
  )
}

const { tokenizer = '' } = document.body.dataset
createRoot(document.querySelector('#root') as HTMLElement).render(
  <LunaDefendProvider tokenizerUrl={tokenizer} app="hello">
    <Admission />
  </LunaDefendProvider>,
)
