const PAGE = JSON.parse(document.getElementById("data").textContent);
