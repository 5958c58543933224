"""The demo mall: invented companies, shops, goods and people, the same in every installation."""
