"""Logos of the invented brands, drawn by hand in SVG."""

VAUCLAIR = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 260 64" width="260" height="64">
  <rect x="2" y="6" width="52" height="52" rx="6" fill="#8a3b12"/>
  <path d="M12 20 L28 48 L44 20" fill="none" stroke="#fff" stroke-width="6" stroke-linejoin="round"/>
  <circle cx="28" cy="20" r="4" fill="#f3c49b"/>
  <text x="68" y="34" font-family="Inter, sans-serif" font-size="25" font-weight="700" fill="#3b2417">Vauclair</text>
  <text x="69" y="53" font-family="Inter, sans-serif" font-size="11" fill="#8a3b12">Manufacture depuis 1921</text>
</svg>
"""

CIMALIA = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 280 64" width="280" height="64">
  <path d="M4 56 L28 10 L40 33 L48 22 L66 56 Z" fill="#0b5c7a"/>
  <path d="M28 10 L40 33 L33 40 L27 33 L19 41 L15 35 Z" fill="#d8eef6"/>
  <path d="M52 14 a14 14 0 0 1 14 14 M52 6 a22 22 0 0 1 22 22" fill="none" stroke="#e08a2e" stroke-width="4"/>
  <text x="84" y="38" font-family="Inter, sans-serif" font-size="29" font-weight="700" fill="#0b3a4d">Cimalia</text>
  <text x="197" y="38" font-family="Inter, sans-serif" font-size="29" fill="#e08a2e">Pro</text>
  <text x="85" y="55" font-family="Inter, sans-serif" font-size="11" fill="#0b5c7a">voix et fibre des entreprises</text>
</svg>
"""

VOIX_DES_ALPES = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 64" width="300" height="64">
  <circle cx="32" cy="32" r="28" fill="#7a1f5c"/>
  <path d="M14 38 L26 22 L33 31 L38 25 L50 38 Z" fill="#fff"/>
  <path d="M18 45 h28" stroke="#f2b6d6" stroke-width="4" stroke-linecap="round"/>
  <text x="72" y="38" font-family="Inter, sans-serif" font-size="27" font-weight="600" fill="#4a1238"
    >Voix des Alpes</text>
  <text x="73" y="55" font-family="Inter, sans-serif" font-size="11" fill="#7a1f5c">Votre téléphone, simplement</text>
</svg>
"""
