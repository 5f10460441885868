package world

// Names are put together from syllables so that they look like names of the
// country and are no word of any other text: whoever finds one in an output
// has found a leak. Communes share no ending with family names.

var (
	rivers = join(
		[]string{"Or", "Avi", "Bré", "Cla", "Dou", "Essa", "Lu", "Mau", "So", "Vi"},
		[]string{"nelle", "dre", "zance", "biette", "gonne"})
	communeHeads = []string{"Aub", "Barb", "Cass", "Drul", "Épin", "Ferr", "Grav", "Houd", "Jarn", "Lez", "Mazer", "Noir", "Ouv", "Pral", "Quér", "Roch", "Sauv", "Tour", "Uss", "Vauc"}
	communeTails = []string{"igny", "eville", "ières", "oncourt", "ac", "ens", "enac", "illon", "uisse", "ans"}

	femaleNames = join(
		[]string{"Aëla", "Béri", "Cora", "Dori", "Élo", "Fani", "Gwélo", "Héli", "Irna", "Jova", "Kéli", "Lori", "Maë", "Néri", "Ocla", "Péri", "Rozé", "Sylé", "Thalé", "Ursé", "Vali", "Wéni", "Xéni", "Yzé", "Zéli"},
		[]string{"lène", "rielle", "vine", "mance", "trice", "linde", "ndra", "lise", "mira", "sanne"})
	maleNames = join(
		[]string{"Ael", "Bério", "Cora", "Dorio", "Élou", "Fane", "Gwélo", "Hélio", "Irno", "Jové", "Kélo", "Loré", "Maë", "Nério", "Oclé", "Péro", "Rozan", "Sylo", "Thalo", "Urso", "Valé", "Wéno", "Xéno", "Yzo", "Zélo"},
		[]string{"lric", "bert", "mond", "vian", "drin", "tien", "laud", "nart", "rault", "gault"})
	familyNames = join(
		join(
			[]string{"Beau", "Char", "Dor", "Mont", "Val", "Gran", "Pel", "Fon", "Ros", "Tré", "Mar", "Bris", "Cla", "Lan", "Ver", "Gau", "Hau", "Kerv", "Du", "Sau", "Bel", "Cour"},
			[]string{"va", "mi", "re", "la", "to", "gue", "ri", "se", "no"}),
		[]string{"rnel", "drieux", "zaguet", "geon", "lleau", "ndier", "ssart", "villard", "quet", "bourdin", "nnec", "tier", "ldière", "mpard", "d'Hautrel", "-Perrelin"})

	// Streets and MailHosts are where people get letters and mail.
	Streets = join(
		[]string{"rue ", "avenue ", "allée ", "chemin ", "impasse ", "boulevard ", "place ", "quai "},
		[]string{"des Glycelles", "du Vieux-Moulinet", "des Tanneliers", "de la Fontenelle", "des Peuplerins", "du Lavoiret", "des Orfevrelles", "de la Marelline", "des Vignerettes", "du Clos-Bernet", "des Tilleraies", "de la Grangette", "des Cordelines", "du Haut-Pavelet", "des Bruyerettes", "de l'Écluselle"})
	MailHosts = []string{"courriel.example", "boitelle.example", "mailbox.example", "poste-net.example", "fibrelle.example"}
)

// join is every head with every tail.
func join(heads, tails []string) []string {
	var out []string
	for _, h := range heads {
		for _, t := range tails {
			out = append(out, h+t)
		}
	}
	return out
}

// FirstName is a given name.
func FirstName(s *Stream, female bool) string {
	if female {
		return s.Pick(femaleNames)
	}
	return s.Pick(maleNames)
}

// FamilyName is a household's name.
func FamilyName(s *Stream) string { return s.Pick(familyNames) }

func departementName(d int) string {
	return []string{"Val-de-", "Haute-", "Basse-", "Cœur-de-"}[d%4] + rivers[d]
}

// communeName is a name not used before.
func communeName(s *Stream, used map[string]bool) string {
	for {
		name := s.Pick(communeHeads) + s.Pick(communeTails)
		switch s.Below(4) {
		case 0:
			name += "-sur-" + s.Pick(rivers)
		case 1:
			name = "Saint-" + name
		case 2:
			name += "-les-" + s.Pick([]string{"Bois", "Prés", "Forges", "Moulins", "Étangs", "Vignes"})
		}
		if !used[name] {
			used[name] = true
			return name
		}
	}
}
