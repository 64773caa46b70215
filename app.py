"""The entry: ``streamlit run app.py``. The server imports it once, and runs it as a script at each visit."""

import streamlit as st

if __name__ == "__main__":
    from pages.ui import router

    router.route()
else:
    from starlette.middleware import Middleware

    from pages.ui.foreign import RefuseForeign
    from pages.ui.start import start

    app = st.App(__file__, lifespan=start, middleware=[Middleware(RefuseForeign)])
