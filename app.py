"""The entry: ``streamlit run app.py``. Routes, nothing else."""

from pages.ui import router

router.route()
