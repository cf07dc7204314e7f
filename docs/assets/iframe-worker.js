/* The search's worker where pages are opened as files: browsers start no worker there, so a frame stands for it. */
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      const frame = document.createElement("iframe")
      frame.hidden = true
      document.documentElement.append(frame)
      const inside = frame.contentWindow
      const script = inside.document.createElement("script")
      this.ready = new Promise(resolve => { script.onload = resolve })
      const hear = data => this.dispatchEvent(new MessageEvent("message", { data }))
      inside.postMessage = data => setTimeout(hear, 0, data)
      inside.importScripts = (...urls) => Promise.all(urls.map(address => new Promise(resolve => {
        const part = inside.document.createElement("script")
        part.onload = resolve
        part.src = address
        inside.document.body.append(part)
      })))
      this.postMessage = data => this.ready.then(() => {
        inside.dispatchEvent(new inside.MessageEvent("message", { data }))
      })
      script.src = new URL(url, location.href).href
      inside.document.body.append(script)
    }

    terminate() {}
  }
}
